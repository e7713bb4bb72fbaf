//! Every key of the Compose specification: where it may stand, what it holds, whether the canonical document shows it.
//!
//! Top-level elements here, services in [`service_keys`](super::service_keys).

use super::service_keys::SERVICE;
use super::shape::Kind::{
    Bool, Either, External, Keys as Table, List, Mode, Names, Optional, Options, Pairs, PlainInt, Text,
    TextList, Texts, UniqueList,
};
use super::shape::{
    Extensions, Field, Keys, Kind, always_map, always_zero, closed, field, hidden, open, shown,
};

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

/// A string, or a list of strings.
pub(crate) const TEXT_OR_LIST: Kind = Either(&[Text, UniqueList]);

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

/// A device that is asked for (`gpus`, and below `deploy.resources.reservations`).
pub(crate) static DEVICE_REQUEST: Keys = open(DEVICE_REQUEST_FIELDS);

/// The same below `gpus`, where the schema asks for no capabilities and knows no end of keys.
pub(crate) static GPU_REQUEST: Keys = Keys {
    fields: &[
        field("capabilities", UniqueList),
        field("count", Kind::Count),
        field("device_ids", UniqueList),
        field("driver", Text),
        field("options", Pairs),
    ],
    extensions: Extensions::AnyKey,
};

const DEVICE_REQUEST_FIELDS: &[Field] = &[
    field("capabilities", UniqueList).required(),
    field("count", Kind::Count),
    field("device_ids", UniqueList),
    field("driver", Text),
    field("options", Pairs),
];

/// A config or secret as a service mounts it; the short form is its name.
pub(crate) static FILE_REFERENCE: Kind = Either(&[
    Text,
    Table(&open(&[
        field("source", Text),
        field("target", Text),
        field("uid", Text),
        field("gid", Text),
        field("mode", Mode),
    ])),
]);

/// `bytes per second` on a device.
pub(crate) static BLKIO_LIMIT: Keys = closed(&[
    always_zero("path", Text).named_in_json("Path"),
    always_zero("rate", Kind::IntBytes).named_in_json("Rate"),
]);

/// The share of a device.
pub(crate) static BLKIO_WEIGHT: Keys = closed(&[
    always_zero("path", Text).named_in_json("Path"),
    always_zero("weight", PlainInt).named_in_json("Weight"),
]);
