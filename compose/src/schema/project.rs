//! The top-level keys of the Compose specification, except for those of [`service`](super::service).

use super::Kind::{
    Bool, Either, External, Keys as Table, List, Names, Optional, Options, Pairs, PlainInt, Text, TextList,
    Texts,
};
use super::service::SERVICE;
use super::shared::TEXT_OR_LIST;
use super::{Extensions, Keys, Kind, always_map, closed, field, hidden, open, shown};

/// The whole document (Compose specification, "The Compose file").
pub(crate) static PROJECT: Keys = open(&[
    hidden("version", Text),
    field("name", Text),
    hidden("include", List(&INCLUDE)),
    shown("services", Names(&Table(&SERVICE))),
    field("models", Kind::AnyNames(&Table(&MODEL))).named_in_json(""),
    field("networks", Kind::AnyNames(&Optional(&Table(&NETWORK)))),
    field("volumes", Names(&Optional(&Table(&VOLUME)))),
    field("secrets", Names(&Table(&SECRET))),
    field("configs", Names(&Table(&CONFIG))),
]);

static INCLUDE: Kind = Either(&[
    Text,
    Table(&closed(&[
        field("path", TEXT_OR_LIST),
        field("env_file", TEXT_OR_LIST),
        field("project_directory", Text),
    ])),
]);

static MODEL: Keys = open(&[
    field("name", Text),
    field("model", Text).required(),
    field("context_size", PlainInt),
    field("runtime_flags", TextList),
]);

static NETWORK: Keys = open(&[
    field("name", Text),
    field("driver", Text),
    field("driver_opts", Options),
    always_map("ipam", Table(&IPAM)),
    field("external", External(Extensions::Allowed)),
    field("internal", Bool),
    shown("enable_ipv4", Bool),
    shown("enable_ipv6", Bool),
    field("attachable", Bool),
    field("labels", Pairs),
]);

static IPAM: Keys = open(&[
    field("driver", Text),
    field(
        "config",
        List(&Table(&open(&[
            field("subnet", Text),
            field("ip_range", Text),
            field("gateway", Text),
            field("aux_addresses", Texts),
        ]))),
    ),
    hidden("options", Texts),
]);

static VOLUME: Keys = open(&[
    field("name", Text),
    field("driver", Text),
    field("driver_opts", Options),
    field("external", External(Extensions::Allowed)),
    field("labels", Pairs),
]);

static SECRET: Keys = open(&[
    field("name", Text),
    field("environment", Text),
    field("file", Text),
    field("external", External(Extensions::AnyKey)),
    field("labels", Pairs),
    field("driver", Text),
    field("driver_opts", Options),
    field("template_driver", Text),
]);

static CONFIG: Keys = open(&[
    field("name", Text),
    field("content", Text),
    field("environment", Text),
    field("file", Text),
    field("external", External(Extensions::AnyKey)),
    field("labels", Pairs),
    field("template_driver", Text),
]);
