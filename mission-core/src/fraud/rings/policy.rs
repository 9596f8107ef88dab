//! How much of what makes a ring, and why so much.

use chrono::Duration;

/// How far a number of accounts convinces, in percent: `base` at `from` accounts, `step` more for each further one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Fewer say nothing.
    pub from: usize,
    /// With that many.
    pub base: u32,
    /// For each more.
    pub step: u32,
    /// Never more, for nothing is certain.
    pub most: u32,
}

impl Weight {
    /// What so many accounts weigh.
    #[must_use]
    pub fn of(self, accounts: usize) -> u32 {
        let Some(more) = accounts.checked_sub(self.from) else {
            return 0;
        };
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.base
            .saturating_add(self.step.saturating_mul(more))
            .min(self.most)
    }
}

/// The thresholds of [`find_rings`](super::find_rings). Weights are percentages of conviction; what a group has in common
/// adds up as independent evidence does: what one leaves in doubt, the next halves or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingPolicy {
    /// Smaller groups are no ring: two or three accounts are a couple, or one person with a second account.
    pub least_members: usize,
    /// From so much conviction on, in percent. One strong sign or two weak ones.
    pub least_score: u32,
    /// Accounts, sightings and actions before that are forgotten: a ring is found while it is new.
    pub looks_back: Duration,
    /// Accounts on one device. A family of five on one tablet is not enough; eight new accounts are no family.
    pub device: Weight,
    /// They belong together while each is made within so long of the one before: the devices of a family, a shop or a café
    /// gather accounts over months, somebody who farms rewards makes them in days.
    pub device_gap: Duration,
    /// Accounts of one address that stay there. Half of what devices say: behind one address there can be a whole school.
    pub address: Weight,
    /// As [`device_gap`](Self::device_gap).
    pub address_gap: Duration,
    /// An account stays at its address if it did so much there and was never seen elsewhere: people have a home, a place of
    /// work and a phone.
    pub address_least_moments: usize,
    /// On different days, at least so many: who came once was only seen where they were that day.
    pub address_least_days: usize,
    /// Accounts that act at the same instants.
    pub timing: Weight,
    /// Two actions coincide within so long. A script goes through its accounts within seconds; people who come when a
    /// notification tells them are minutes apart.
    pub coincidence: Duration,
    /// Two accounts have to coincide so often: in a popular hour any two do now and then, hardly ever five times.
    pub least_coincidences: usize,
    /// And with so much of all that the less active one did, in percent.
    pub least_coincident_share: usize,
    /// Instants at which more accounts act than one in so many (but at least a hundred) say nothing: a notification went
    /// out, a mission began, a day ended.
    pub popular_instant: usize,
    /// Accounts in a cycle of referrals, where each is invited by the next. Two friends give each other their codes; three
    /// may; no more do.
    pub referral_cycle: Weight,
    /// A check-in within so long of midnight, before or after: people who watch the clock take some seconds to minutes.
    pub midnight: Duration,
    /// An account is one of midnight if it checked in at least so often,
    pub midnight_least_check_ins: usize,
    /// and so many of these are within [`midnight`](Self::midnight) of it, in percent. Weak evidence of one account alone,
    /// who may like to be first: it says something of a group.
    pub midnight_share: usize,
    /// Accounts of midnight that were made together, or were invited by the same one. Few accounts are so, and fewer are
    /// made in the same hours.
    pub midnight_together: Weight,
    /// Made within so long of each other.
    pub midnight_gap: Duration,
    /// Accounts of midnight within a group that shares something else.
    pub midnight_among: Weight,
    /// Accounts that share a device with others of a group, which shares something else.
    pub devices_among: Weight,
    /// A group whose accounts were made together, each within a day of the one before.
    pub created_together: u32,
}

const fn weight(from: usize, base: u32, step: u32, most: u32) -> Weight {
    Weight {
        from,
        base,
        step,
        most,
    }
}

impl Default for RingPolicy {
    fn default() -> Self {
        RingPolicy {
            least_members: 3,
            least_score: 75,
            looks_back: Duration::days(90),
            device: weight(3, 25, 15, 97),
            device_gap: Duration::days(2),
            address: weight(5, 20, 10, 95),
            address_gap: Duration::hours(36),
            address_least_moments: 3,
            address_least_days: 2,
            timing: weight(3, 35, 15, 97),
            coincidence: Duration::seconds(60),
            least_coincidences: 5,
            least_coincident_share: 50,
            popular_instant: 200,
            referral_cycle: weight(3, 60, 15, 97),
            midnight: Duration::seconds(30),
            midnight_least_check_ins: 5,
            midnight_share: 50,
            midnight_together: weight(4, 50, 15, 95),
            midnight_gap: Duration::hours(3),
            midnight_among: weight(2, 30, 10, 80),
            devices_among: weight(2, 15, 10, 80),
            created_together: 40,
        }
    }
}
