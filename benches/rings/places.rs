//! Where people come from: homes, offices, schools, carriers, and devices that many use.

use chrono::{DateTime, Duration, Utc};

use crate::world::{DAYS, World};

/// A school: its address, when its classes joined, and its tablets, if it has some.
struct School {
    address: String,
    classes: Vec<DateTime<Utc>>,
    tablets: Vec<String>,
}

/// Everything that people share with strangers.
pub(crate) struct Places {
    /// A carrier has thousands of customers behind an address.
    carriers: Vec<String>,
    offices: Vec<String>,
    schools: Vec<School>,
    /// Cafés and shops, with a device that visitors use.
    cafes: Vec<(String, String)>,
}

impl Places {
    pub(crate) fn build(world: &mut World, accounts: usize) -> Self {
        let times = |of: usize| accounts / of + 1;
        Places {
            carriers: (0..times(2500)).map(|_| world.name("carrier")).collect(),
            // Small and large ones: who picks an earlier one picks a larger one.
            offices: (0..times(100)).map(|_| world.name("office")).collect(),
            schools: (0..times(4000)).map(|_| School::build(world)).collect(),
            cafes: (0..times(1500))
                .map(|_| (world.name("café"), world.name("device of a café")))
                .collect(),
        }
    }

    pub(crate) fn carrier(&self, world: &mut World, account: usize) {
        let carrier = world.random.usize(..self.carriers.len());
        world.at_address(account, &self.carriers[carrier]);
    }

    pub(crate) fn office(&self, world: &mut World, account: usize) {
        let skewed = world.random.f64() * world.random.f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list"
        )]
        let office = (skewed * self.offices.len() as f64) as usize;
        world.at_address(account, &self.offices[office]);
    }

    /// A pupil may have joined with their class, and may use a tablet of the school.
    pub(crate) fn school(&self, world: &mut World, account: usize) {
        let school = &self.schools[world.random.usize(..self.schools.len())];
        if world.chance(0.15) {
            let class = school.classes[world.random.usize(..school.classes.len())];
            let within = world.random.i64(0..45 * 60);
            world.accounts[account].created_at = class + Duration::seconds(within);
        }
        world.at_address(account, &school.address);
        if !school.tablets.is_empty() && world.chance(0.3) {
            let tablet = &school.tablets[world.random.usize(..school.tablets.len())];
            world.on_device(account, tablet);
        }
    }

    pub(crate) fn cafe(&self, world: &mut World, account: usize) {
        let (address, device) = &self.cafes[world.random.usize(..self.cafes.len())];
        world.at_address(account, address);
        world.on_device(account, device);
    }
}

impl School {
    fn build(world: &mut World) -> Self {
        let begin = world.begin();
        let classes = (0..6)
            .map(|_| {
                let day = Duration::days(world.random.i64(0..DAYS - 1));
                begin + day + Duration::hours(world.random.i64(1..8))
            })
            .collect();
        let tablets = if world.chance(0.3) {
            (0..world.random.u32(15..60))
                .map(|_| world.name("school tablet"))
                .collect()
        } else {
            Vec::new()
        };
        School {
            address: world.name("school"),
            classes,
            tablets,
        }
    }
}
