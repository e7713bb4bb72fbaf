# Answers every request with 200.
use strict;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(Listen => 64, LocalPort => 80, ReuseAddr => 1) or die "cannot listen: $!";
while (my $client = $server->accept) {
    while (my $line = <$client>) {
        last if $line =~ /^\r?\n$/;
    }
    print $client "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nshop\n";
    close $client;
}
