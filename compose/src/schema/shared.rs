//! Parts that several tables of keys share.

use super::Kind::{Either, In, Keys as Table, Mode, Pairs, PlainInt, Text, UniqueList};
use super::{Extensions, Field, Keys, Kind, always_zero, closed, field, open};

/// A string, or a list of strings.
pub(crate) const TEXT_OR_LIST: Kind = Either(&[Text, UniqueList]);

/// A device request (`gpus`, and below `deploy.resources.reservations`).
pub(crate) static DEVICE_REQUEST: Keys = open(DEVICE_REQUEST_FIELDS);

/// The same below `gpus`, where the schema requires no capabilities and allows any key.
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

/// A share, which Compose keeps in 16 bits.
pub(crate) const WEIGHT: Kind = In(&PlainInt, 0, u16::MAX as i128);

/// The share of a device.
pub(crate) static BLKIO_WEIGHT: Keys = closed(&[
    always_zero("path", Text).named_in_json("Path"),
    always_zero("weight", WEIGHT).named_in_json("Weight"),
]);
