//! The one package of functions that scripts have.
//!
//! Operators between numbers, strings, booleans and `()` are built into the interpreter; everything else is here.
//! Each function is pure, its work is linear in its operands, and it checks the size of a result *before* making it.

mod absent;
mod list;
mod map;
mod number;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rhai::{
    Dynamic, EvalAltResult, FuncRegistration, Module, NativeCallContext, Position, RhaiNativeFunc, Shared,
    Variant,
};

use crate::{
    index_guard::{CONSTANT_FUNCTION, INDEX_FUNCTION, checked_index},
    trace::{STEP_FUNCTION, record_step},
};

/// What a fallible function of the language gives.
type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// The methods that change what they are called on.
pub(crate) const MUTATING_METHODS: [&str; 5] = ["push", "pop", "insert", "remove", "set"];

/// The functions that scripts can call, with how many parameters each takes.
#[derive(Clone, Debug)]
pub(crate) struct Language {
    module: Shared<Module>,
    arities: Arc<BTreeMap<&'static str, BTreeSet<usize>>>,
}

impl Language {
    pub(crate) fn new() -> Self {
        Builder::everything().finish()
    }

    /// With one more function, by which a script tells what it is about to do.
    pub(crate) fn with_steps() -> Self {
        let mut builder = Builder::everything();
        builder.pure(STEP_FUNCTION, record_step);
        builder.finish()
    }

    pub(super) fn module(&self) -> Shared<Module> {
        Shared::clone(&self.module)
    }

    /// The numbers of parameters with which a function can be called; `None` where there is no such function.
    pub(crate) fn arities(&self, name: &str) -> Option<&BTreeSet<usize>> {
        self.arities.get(name)
    }

    /// The names of all functions, without the operators.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.arities
            .keys()
            .copied()
            .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
    }
}

struct Builder {
    module: Module,
    arities: BTreeMap<&'static str, BTreeSet<usize>>,
}

impl Builder {
    fn everything() -> Self {
        let mut builder = Builder {
            module: Module::new(),
            arities: BTreeMap::new(),
        };
        absent::define(&mut builder);
        number::define(&mut builder);
        text::define(&mut builder);
        list::define(&mut builder);
        map::define(&mut builder);
        builder.pure(INDEX_FUNCTION, checked_index);
        builder.pure(CONSTANT_FUNCTION, |constant: Dynamic| constant);
        builder.note("type_of", 1);
        builder
    }

    fn finish(self) -> Language {
        Language {
            module: self.module.into(),
            arities: Arc::new(self.arities),
        }
    }

    /// A function that leaves its parameters as they are.
    fn pure<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &'static str,
        function: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        self.define(name, true, function);
    }

    /// A method that changes its first parameter; its name must be in [`MUTATING_METHODS`] or be an operator's.
    fn mutating<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &'static str,
        function: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        debug_assert!(MUTATING_METHODS.contains(&name) || name == "+=");
        self.define(name, false, function);
    }

    fn define<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &'static str,
        pure: bool,
        function: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        FuncRegistration::new(name)
            .in_global_namespace()
            .with_purity(pure)
            .with_volatility(false)
            .set_into_module(&mut self.module, function);
        self.note(name, N);
    }

    fn note(&mut self, name: &'static str, parameters: usize) {
        self.arities.entry(name).or_default().insert(parameters);
    }
}

/// Refuses a string before it is made.
fn check_string_bytes(context: &NativeCallContext<'_>, bytes: Option<usize>) -> Outcome<()> {
    within("Length of string", bytes, context.engine().max_string_size())
}

/// Refuses a list before it is made.
fn check_array_items(context: &NativeCallContext<'_>, items: Option<usize>) -> Outcome<()> {
    within("Size of array", items, context.engine().max_array_size())
}

fn within(what: &str, size: Option<usize>, limit: usize) -> Outcome<()> {
    match size {
        Some(size) if size <= limit => Ok(()),
        _ => Err(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into()),
    }
}

/// An error that the script's author can act on.
fn refuse<T>(message: impl Into<String>) -> Outcome<T> {
    Err(EvalAltResult::ErrorRuntime(Dynamic::from(message.into()), Position::NONE).into())
}

fn overflow<T>(what: &str) -> Outcome<T> {
    Err(EvalAltResult::ErrorArithmetic(format!("{what} is out of range"), Position::NONE).into())
}

fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
