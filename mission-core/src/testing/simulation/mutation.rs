//! Guarantees that can be broken on purpose, to see that the auditor notices.

/// A guarantee of the product that a simulation breaks on purpose: what finds no such fault within some seeds would not
/// find a real one either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The wallet books whatever the broker delivers, booked before or not.
    NoOutboxDedupe,
    /// The store writes on whatever version there is.
    VersionCheckOff,
    /// A consumer acknowledges a message when it has read it, not when what follows from it is durable.
    AcknowledgeBeforeCommit,
    /// A relay sends what waits, whoever holds the lease.
    LeaseNotChecked,
    /// Remembered answers are not found, and nothing stands against a second one under the same key.
    ReceiptIgnored,
    /// The commit takes out of a budget whatever is asked.
    BudgetUnguarded,
    /// The id of an inbound event is forgotten.
    InboundIdNotKept,
    /// Who gets no answer asks again under another key, and a producer under another event id.
    RetryWithNewId,
    /// The store says that a commit is durable before it is.
    AnswerBeforeCommit,
    /// A relay takes an event for sent that the broker has not confirmed.
    SentBeforeConfirm,
    /// A relay goes on with a root whose last event was not taken.
    OrderIgnored,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 11] = [
        Mutation::NoOutboxDedupe,
        Mutation::VersionCheckOff,
        Mutation::AcknowledgeBeforeCommit,
        Mutation::LeaseNotChecked,
        Mutation::ReceiptIgnored,
        Mutation::BudgetUnguarded,
        Mutation::InboundIdNotKept,
        Mutation::RetryWithNewId,
        Mutation::AnswerBeforeCommit,
        Mutation::SentBeforeConfirm,
        Mutation::OrderIgnored,
    ];

    /// Its name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mutation::NoOutboxDedupe => "no-outbox-dedupe",
            Mutation::VersionCheckOff => "version-check-off",
            Mutation::AcknowledgeBeforeCommit => "acknowledge-before-commit",
            Mutation::LeaseNotChecked => "lease-not-checked",
            Mutation::ReceiptIgnored => "receipt-ignored",
            Mutation::BudgetUnguarded => "budget-unguarded",
            Mutation::InboundIdNotKept => "inbound-id-not-kept",
            Mutation::RetryWithNewId => "retry-with-new-id",
            Mutation::AnswerBeforeCommit => "answer-before-commit",
            Mutation::SentBeforeConfirm => "sent-before-confirm",
            Mutation::OrderIgnored => "order-ignored",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Mutation> {
        Mutation::ALL.into_iter().find(|mutation| mutation.name() == name)
    }
}
