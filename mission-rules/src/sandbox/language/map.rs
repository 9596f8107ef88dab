//! Maps.

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map, NativeCallContext, Position};

use super::{Builder, list::equal_maps, whole};

pub(super) fn define(language: &mut Builder) {
    language.pure("len", |map: &mut Map| whole(map.len()));
    language.pure("is_empty", |map: &mut Map| map.is_empty());
    language.pure("contains", |map: &mut Map, key: &str| map.contains_key(key));
    language.pure("contains", |_: &mut Map, (): ()| false);
    language.pure("keys", |map: &mut Map| {
        map.keys()
            .map(|key| Dynamic::from(ImmutableString::from(key.as_str())))
            .collect::<Array>()
    });
    language.pure("values", |map: &mut Map| map.values().cloned().collect::<Array>());
    language.pure("get", |map: &mut Map, key: &str| {
        map.get(key).cloned().unwrap_or(Dynamic::UNIT)
    });
    language.pure("==", |left: &mut Map, right: Map| equal_maps(left, &right));
    language.pure("!=", |left: &mut Map, right: Map| !equal_maps(left, &right));
    language.pure("to_string", |map: &mut Map| {
        ImmutableString::from(Dynamic::from(map.clone()).to_string())
    });

    language.mutating(
        "set",
        |context: NativeCallContext<'_>, map: &mut Map, key: &str, value: Dynamic| {
            if !map.contains_key(key) && map.len() >= context.engine().max_map_size() {
                let what = "Size of object map".to_owned();
                return Err(Box::new(EvalAltResult::ErrorDataTooLarge(what, Position::NONE)));
            }
            map.insert(key.into(), value);
            Ok(())
        },
    );
    language.mutating("remove", |map: &mut Map, key: &str| {
        map.remove(key).unwrap_or(Dynamic::UNIT)
    });
}
