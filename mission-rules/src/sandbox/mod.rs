//! The interpreter with everything taken out that reaches the world, and a limit on everything that is left.

mod deadline;
mod forbidden;
mod language;
mod value_size;

use std::sync::Arc;

use rhai::{Engine, OptimizationLevel};

pub(crate) use deadline::Deadline;
pub(crate) use forbidden::forbidden;
pub(crate) use language::{Language, MUTATING_METHODS};

use crate::{Limits, Stopwatch};
use value_size::ValueSize;

/// The mode of an engine: how it treats syntax trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EngineMode {
    /// Keeps the tree as it was written, for the analysis.
    Analyse,
    /// Folds constants, and runs.
    Run,
    /// As `Run`, and measures each variable that is touched, for scripts that assign *into* lists and maps.
    ///
    /// The interpreter checks the size of what a function or an operator gives, but not that of the target of
    /// `m[key] = value`: a few rounds of `m[i] = m` would fill the memory. Measuring costs time, so that scripts which
    /// cannot do this do not pay for it.
    RunMeasured,
}

/// An engine within the limits that knows no more than our own small language package.
pub(crate) fn engine(
    limits: &Limits,
    stopwatch: &Arc<dyn Stopwatch>,
    language: &Language,
    purpose: EngineMode,
) -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(language.module());

    // What runs was measured as it was written; guards around its indices make it deeper.
    let depth = match purpose {
        EngineMode::Analyse => limits.expression_depth.max(1),
        EngineMode::Run | EngineMode::RunMeasured => limits.expression_depth.max(1).saturating_mul(2),
    };
    engine
        .set_max_functions(limits.functions)
        .set_max_operations(limits.operations.max(1))
        .set_max_call_levels(limits.call_depth)
        .set_max_expr_depths(depth, depth)
        .set_max_variables(limits.variables)
        .set_max_string_size(limits.string_bytes.max(1))
        .set_max_array_size(limits.array_items.max(1))
        .set_max_map_size(limits.map_entries.max(1));

    // The interpreter's shared pool of strings is behind a lock that every evaluation would take.
    engine.set_max_strings_interned(0);
    engine
        .set_strict_variables(true)
        .set_allow_anonymous_fn(false)
        .set_allow_shadowing(true);
    for (symbol, _) in forbidden::FORBIDDEN_SYMBOLS {
        engine.disable_symbol(*symbol);
    }
    engine.set_optimization_level(match purpose {
        EngineMode::Analyse => OptimizationLevel::None,
        EngineMode::Run | EngineMode::RunMeasured => OptimizationLevel::Simple,
    });

    deadline::watch(&mut engine, Arc::clone(stopwatch));
    if purpose == EngineMode::RunMeasured {
        measure_variables(&mut engine, *limits);
    }
    engine
}

fn measure_variables(engine: &mut Engine, limits: Limits) {
    #[expect(deprecated, reason = "volatile, not deprecated: the interpreter is pinned")]
    engine.on_var(move |name, index, context| {
        let scope = context.scope();
        // The index counts from the newest variable, as the iterator does.
        let by_index = index
            .checked_sub(1)
            .and_then(|nth| scope.iter_raw().nth(nth))
            .map(|(_, _, value)| value);
        if let Some(value) = by_index.or_else(|| scope.get(name)) {
            ValueSize::of(value).within(&limits)?;
        }
        Ok(None)
    });
}
