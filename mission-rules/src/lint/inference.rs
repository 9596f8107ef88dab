//! What is known of the variables, parameters and results of a script's functions before it runs.

use std::collections::BTreeMap;

use rhai::{ASTNode, Expr, FnCallExpr, Stmt};

use super::{answers, comparisons::Types, context_parameter};
use crate::{
    FieldKind, FieldSchema,
    sandbox::MUTATING_METHODS,
    syntax::{Chain, ChainEnd, Function},
};

/// What a variable holds, whenever it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inferred {
    /// What this path of the context leads to; the context itself for an empty one.
    Path(String),
    /// Some value of this type.
    Kind(FieldKind),
    /// Several things, or what nobody can tell.
    Unknown,
}

/// The variables of one function, by name. Two of the same name count as one that holds either.
pub(super) type Variables = BTreeMap<String, Inferred>;

/// What the functions of a script give, by name and number of parameters; `None` for what may be of several types.
pub(super) type Results = BTreeMap<(String, usize), Option<FieldKind>>;

/// What is known of a whole script.
pub(super) struct ScriptTypes<'s> {
    schema: &'s FieldSchema,
    variables: Vec<Variables>,
    results: Results,
}

/// How often types are handed on from callers to functions, and from functions to callers.
const MOST_ROUNDS: usize = 8;

impl<'s> ScriptTypes<'s> {
    /// Infers the types of all functions, given those of the script's constants.
    pub(super) fn of(functions: &[Function], constants: &[Stmt], schema: &'s FieldSchema) -> Self {
        let mut known = ScriptTypes {
            schema,
            variables: functions.iter().map(|_| Variables::new()).collect(),
            results: Results::new(),
        };
        let mut globals = Variables::new();
        for statement in constants {
            if let Stmt::Var(definition, ..) = statement {
                let value = known.types_in(&globals).infer(&definition.1);
                globals.insert(definition.0.name.to_string(), value);
            }
        }
        let mut parameters = vec![None; functions.len()];
        for _ in 0..MOST_ROUNDS {
            for (n, function) in functions.iter().enumerate() {
                let mut own = globals.clone();
                own.extend(parameters_of(function, parameters[n].as_deref()));
                known.variables[n] = known.variables_of(function, own);
            }
            let results = known.results_of(functions);
            let handed = known.arguments(functions);
            if results == known.results && handed == parameters {
                return known;
            }
            (known.results, parameters) = (results, handed);
        }
        // Functions that call each other in ever new ways are left alone.
        known.variables.iter_mut().for_each(Variables::clear);
        known.results.clear();
        known
    }

    /// The types of one function, by its place in the list.
    pub(super) fn of_function(&self, n: usize) -> Types<'_> {
        static NONE: Variables = Variables::new();
        self.types_in(self.variables.get(n).unwrap_or(&NONE))
    }

    fn types_in<'a>(&'a self, variables: &'a Variables) -> Types<'a> {
        Types {
            schema: self.schema,
            variables,
            results: &self.results,
        }
    }

    /// Every assignment of a function, until nothing new comes out.
    fn variables_of(&self, function: &Function, outside: Variables) -> Variables {
        let mut before = outside;
        loop {
            let mut known = before.clone();
            function.walk(|path| self.note(path, &mut known));
            if known == before {
                return known;
            }
            before = known;
        }
    }

    fn note(&self, path: &[ASTNode<'_>], known: &mut Variables) {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(definition, ..))) => {
                let value = self.types_in(known).infer(&definition.1);
                self.join(known, &definition.0.name, value);
            }
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                self.join(known, &parts.0.name, Inferred::Unknown);
                if let Some(counter) = &parts.1 {
                    self.join(known, &counter.name, Inferred::Kind(FieldKind::Whole));
                }
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
                if let Expr::Variable(caught, ..) = &parts.expr {
                    self.join(known, &caught.1, Inferred::Unknown);
                }
            }
            Some(ASTNode::Stmt(Stmt::Assignment(parts))) => {
                let (operator, sides) = parts.as_ref();
                match &sides.lhs {
                    Expr::Variable(variable, ..) => {
                        let value = match operator.get_op_assignment_info() {
                            None => self.types_in(known).infer(&sides.rhs),
                            Some((.., operator)) => self
                                .types_in(known)
                                .operator_kind(operator, &sides.lhs, &sides.rhs)
                                .map_or(Inferred::Unknown, Inferred::Kind),
                        };
                        self.join(known, &variable.1, value);
                    }
                    within => self.changed_within(known, within),
                }
            }
            Some(ASTNode::Expr(whole @ Expr::Dot(..))) => {
                if let Some(chain) = Chain::of(whole)
                    && let ChainEnd::Method(method) = chain.end
                    && MUTATING_METHODS.contains(&method)
                {
                    self.changed_within(known, whole);
                }
            }
            _ => {}
        }
    }

    /// A variable whose value was changed is a copy, and no more what the context has.
    fn changed_within(&self, known: &mut Variables, place: &Expr) {
        let Some(chain) = Chain::of(place) else { return };
        if let Some(Inferred::Path(path)) = known.get(chain.root)
            && !path.is_empty()
        {
            let kind = self.schema.kind(path).map_or(Inferred::Unknown, Inferred::Kind);
            known.insert(chain.root.to_owned(), kind);
        }
    }

    fn join(&self, known: &mut Variables, name: &str, value: Inferred) {
        let both = match known.get(name) {
            None => value,
            Some(before) => self.either(before, value),
        };
        known.insert(name.to_owned(), both);
    }

    fn either(&self, one: &Inferred, other: Inferred) -> Inferred {
        if *one == other {
            return other;
        }
        let kind = |value: &Inferred| match value {
            Inferred::Path(path) => self.schema.kind(path),
            Inferred::Kind(kind) => Some(*kind),
            Inferred::Unknown => None,
        };
        match (kind(one), kind(&other)) {
            (Some(one), Some(other)) => joined(one, other).map_or(Inferred::Unknown, Inferred::Kind),
            _ => Inferred::Unknown,
        }
    }

    /// What the calls of each function give its parameters; `None` where nothing calls it.
    fn arguments(&self, functions: &[Function]) -> Vec<Option<Vec<Inferred>>> {
        let mut handed: Vec<Option<Vec<Inferred>>> = vec![None; functions.len()];
        for (caller, variables) in functions.iter().zip(&self.variables) {
            let types = self.types_in(variables);
            caller.walk(|path| {
                let call: &FnCallExpr = match path.last() {
                    Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => call,
                    _ => return,
                };
                let called = functions.iter().position(|function| {
                    *function.name == *call.name && function.parameters.len() == call.args.len()
                });
                let Some(known) = called.and_then(|n| handed.get_mut(n)) else {
                    return;
                };
                let given = call.args.iter().map(|argument| types.infer(argument));
                *known = Some(match known.take() {
                    None => given.collect(),
                    Some(before) => before
                        .iter()
                        .zip(given)
                        .map(|(one, other)| self.either(one, other))
                        .collect(),
                });
            });
        }
        handed
    }

    /// What each function gives, where all its paths give the same type.
    fn results_of(&self, functions: &[Function]) -> Results {
        let results = functions.iter().enumerate().map(|(n, function)| {
            let kind = answers::only_kind(n, functions, self);
            ((function.name.clone(), function.parameters.len()), kind)
        });
        results.collect()
    }
}

/// What the parameters of a function hold at its beginning.
fn parameters_of(function: &Function, handed: Option<&[Inferred]>) -> Variables {
    let mut variables: Variables = function
        .parameters
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let value = handed.and_then(|handed| handed.get(n)).cloned();
            (name.clone(), value.unwrap_or(Inferred::Unknown))
        })
        .collect();
    // A script may call its own hooks too, with whatever it likes.
    if handed.is_none()
        && let Some(context) = context_parameter(function)
    {
        variables.insert(context.to_owned(), Inferred::Path(String::new()));
    }
    variables
}

/// The type of a value that is of one of two types.
pub(super) fn joined(one: FieldKind, other: FieldKind) -> Option<FieldKind> {
    match (one, other) {
        (one, other) if one == other => Some(one),
        (FieldKind::Whole | FieldKind::Decimal, FieldKind::Whole | FieldKind::Decimal) => {
            Some(FieldKind::Decimal)
        }
        _ => None,
    }
}
