//! What is not there reads as `()`, at any depth.

use rhai::{Dynamic, ImmutableString};

use super::Builder;

/// A field of what has no fields is absent, as is a field of what is itself absent. Writing one stays an error.
pub(super) fn define(language: &mut Builder) {
    let module = &mut language.module;
    // The interpreter asks these only where a value has no such field of its own.
    module.set_indexer_get_fn(|_: &mut Dynamic, _: ImmutableString| Ok(Dynamic::UNIT));
    module.set_indexer_get_fn(|(): &mut (), _: i64| Ok(Dynamic::UNIT));

    // Nothing is in a list that is not there, and it has no items.
    language.pure("contains", |(): &mut (), _: Dynamic| false);
    language.pure("len", |(): &mut ()| 0_i64);
    language.pure("is_empty", |(): &mut ()| true);
}
