//! A whole engine on the memory store, driven one command at a time, without a thread or a runtime.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{CountingIds, at};
use crate::{
    CommandId, UserId,
    engine::{
        Answer, Catalog, CatalogBuilder, Command, CommandError, CommandOutcome, PackPolicy, ReceiptKey,
        Rejection, Reply, Request, Settings, Signals, TypedCommand, run_blocking, start,
    },
    event::{ActivityEvent, IntegrationEvent},
    fraud::DeviceHash,
    memory::MemoryStore,
    mission::Mission,
    ports::{
        clock::Ids,
        rules::{NoScripts, ScriptCompiler},
    },
};

/// A small engine to test decisions in: given missions and a moment, when commands come, then answers, events and
/// records are so.
///
/// ```
/// use mission_core::testing::{EngineFixture, active, definition, mission_id, user};
/// use mission_core::engine::{StartTask, Rejection};
///
/// let mut fixture = EngineFixture::at("2026-01-05T10:00:00Z").with(active(1, definition("read-it")));
/// let start = StartTask { user: user(1), mission: mission_id(1) };
/// assert!(fixture.when(start.clone()).is_ok());
/// assert_eq!(fixture.when(start), Err(Rejection::TaskAlreadyOpen));
/// ```
pub struct EngineFixture {
    /// Everything that was committed.
    pub store: MemoryStore,
    /// The missions and policies in force.
    pub catalog: Arc<Catalog>,
    /// The moment at which the next command counts.
    pub now: DateTime<Utc>,
    /// What comes with the next command besides its content.
    pub signals: Signals,
    compiler: Arc<dyn ScriptCompiler>,
    ids: CountingIds,
}

impl EngineFixture {
    /// An empty engine at an instant, with default policies.
    #[must_use]
    pub fn at(now: &str) -> Self {
        Self::set_up(at(now), Settings::default(), Arc::new(NoScripts))
    }

    /// An empty engine with an operator's settings and a compiler of scripts.
    #[must_use]
    pub fn set_up(now: DateTime<Utc>, settings: Settings, compiler: Arc<dyn ScriptCompiler>) -> Self {
        let catalog = CatalogBuilder::new(compiler.as_ref(), settings).build();
        EngineFixture {
            store: MemoryStore::default(),
            catalog: Arc::new(catalog),
            now,
            signals: Signals::default(),
            compiler,
            ids: CountingIds::starting_at(1),
        }
    }

    /// With one more mission, or another version of one.
    #[must_use]
    pub fn with(mut self, mission: Mission) -> Self {
        self.add_mission(mission);
        self
    }

    /// With another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: PackPolicy) -> Self {
        self.catalog = Arc::new(self.catalog.edit(self.compiler.as_ref()).policy(policy).build());
        self
    }

    /// With caps on what the missions of no pack pay.
    #[must_use]
    pub fn with_caps(mut self, caps: Vec<crate::user::PointsCap>) -> Self {
        self.catalog = Arc::new(
            self.catalog
                .edit(self.compiler.as_ref())
                .pack_caps("", caps)
                .build(),
        );
        self
    }

    /// Puts a mission into the catalog.
    pub fn add_mission(&mut self, mission: Mission) {
        self.catalog = Arc::new(self.catalog.edit(self.compiler.as_ref()).mission(mission).build());
    }

    /// Moves the clock.
    pub fn set_time(&mut self, now: &str) -> &mut Self {
        self.now = at(now);
        self
    }

    /// Lets the following commands come from a device.
    pub fn from_device(&mut self, device: &str) -> &mut Self {
        self.signals.device = Some(DeviceHash::of(device));
        self
    }

    /// The request that a command becomes now, under a key of its own.
    pub fn request(&self, command: impl Into<Command>) -> Request {
        let id = CommandId(self.ids.next());
        Request::unkeyed(command, id, self.now, self.signals.clone())
    }

    /// Carries a command out.
    ///
    /// # Errors
    /// Why the domain says no.
    ///
    /// # Panics
    /// When the command fails otherwise, or its reply is of another type: no test expects that.
    pub fn when<I: TypedCommand>(&mut self, intent: I) -> Result<I::Reply, Rejection> {
        let request = self.request(intent);
        let answer = self.execute_batch(vec![request]).remove(0);
        assert!(answer.is_ok(), "the command failed: {answer:?}");
        let reply = answer.unwrap_or(Err(Rejection::IdempotencyKeyReused))?;
        let name = format!("{reply:?}");
        let reply = I::Reply::try_from(reply);
        assert!(reply.is_ok(), "a reply of another type: {name}");
        reply.map_err(|_| Rejection::IdempotencyKeyReused)
    }

    /// Carries out an activity event of a user.
    ///
    /// # Errors
    /// Why the domain says no.
    pub fn event(
        &mut self,
        event_type: &str,
        user: UserId,
        time: &str,
        data: &serde_json::Value,
    ) -> Result<crate::event::EventResult, Rejection> {
        let event = ActivityEvent {
            id: self.ids.next().to_string(),
            source: "test".to_owned(),
            event_type: event_type.to_owned(),
            user_id: user,
            time: at(time),
            data: data.as_object().cloned().unwrap_or_default(),
        };
        self.when(crate::engine::ApplyEvent { event })
    }

    /// Carries commands out in one batch; each is tried again until nobody is faster.
    pub fn execute_batch(&mut self, requests: Vec<Request>) -> Vec<Result<Answer, CommandError>> {
        let wanted: Vec<ReceiptKey> = requests.iter().map(|request| request.receipt).collect();
        let mut answers: Vec<(ReceiptKey, Result<Answer, CommandError>)> = Vec::new();
        let mut waiting = requests;
        while !waiting.is_empty() {
            let step = start(waiting, Arc::clone(&self.catalog), false);
            waiting = Vec::new();
            for (request, outcome) in run_blocking(&mut self.store, step) {
                match outcome {
                    CommandOutcome::Answered { answer, .. } => {
                        self.update_catalog(&request, &answer);
                        answers.push((request.receipt, Ok(answer)));
                    }
                    CommandOutcome::Failed(fault) => answers.push((request.receipt, Err(fault))),
                    CommandOutcome::Again(_) => waiting.push(request),
                }
            }
        }
        let mut in_order = Vec::new();
        for key in wanted {
            if let Some(found) = answers.iter().position(|(receipt, _)| *receipt == key) {
                in_order.push(answers.remove(found).1);
            }
        }
        in_order
    }

    fn update_catalog(&mut self, request: &Request, answer: &Answer) {
        match (answer, &request.command) {
            (Ok(Reply::MissionSaved(saved)), _) => self.add_mission(saved.mission.clone()),
            (Ok(Reply::PackSaved(saved)), Command::PutPack(put)) => {
                let builder = self.catalog.edit(self.compiler.as_ref());
                let builder = builder
                    .pack_policy(put.pack, put.policy.clone())
                    .pack_caps(&put.name, put.caps.clone());
                let missions = saved.saved().cloned();
                self.catalog = Arc::new(missions.fold(builder, CatalogBuilder::mission).build());
            }
            _ => {}
        }
    }

    /// What other services were told so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<IntegrationEvent> {
        let waiting = self.store.outbox();
        waiting.into_iter().map(|outgoing| outgoing.event.event).collect()
    }
}
