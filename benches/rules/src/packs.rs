//! A pack of many missions, each with a script of its own: read from a folder and checked as `mission check` does.

use std::{fmt::Write as _, fs, path::Path, time::Instant};

use mission_rules::pack::{Pack, PackFiles};

/// Writes a pack of so many missions into a folder of the system's for what is temporary, loads it, and says how long
/// that took and how much memory the process had at most.
pub(crate) fn load(missions: usize) {
    let folder = std::env::temp_dir().join(format!("mission-pack-{}", std::process::id()));
    write(&folder, missions);
    let written = peak_memory();
    let started = Instant::now();
    let files = PackFiles::from_dir(&folder).expect("the folder can be read");
    let read = started.elapsed();
    let (pack, findings) = Pack::load(&files);
    let loaded = started.elapsed();
    fs::remove_dir_all(&folder).expect("the folder can be removed");
    let pack = pack.unwrap_or_else(|| panic!("the pack is good: {:?}", findings.first()));
    assert_eq!(pack.missions.len(), missions);
    println!(
        "\nA pack of {missions} missions with a script each, read and checked: {:.2} s ({:.2} s of them reading files), \
         at most {} MiB of memory ({} before)",
        loaded.as_secs_f64(),
        read.as_secs_f64(),
        peak_memory() / 1024,
        written / 1024,
    );
}

fn write(folder: &Path, missions: usize) {
    for part in ["missions", "rules"] {
        fs::create_dir_all(folder.join(part)).expect("the folder can be made");
    }
    let manifest = "name = \"many\"\nversion = \"1\"\n[events.\"video.watched\"]\nseconds = \"integer\"\nshop = \"string\"\n";
    fs::write(folder.join("pack.toml"), manifest).expect("the manifest can be written");
    let (mut mission, mut script) = (String::new(), String::new());
    for number in 0..missions {
        mission.clear();
        script.clear();
        let written = write!(
            mission,
            "code = \"watch-{number}\"\ntype = \"watch_video\"\ncategory = \"watching\"\nfrequency = \"daily\"\n\
             target = {target}\nauto_start = true\nrules_script = \"rules/watch-{number}.rhai\"\n\
             title = {{ en = \"Watch {number}\" }}\ndescription = {{ en = \"Watch videos of shop {number}.\" }}\n\n\
             [trigger]\nevent = \"video.watched\"\n\n[reward]\npoints = \"{points}\"\n",
            target = 1 + number % 5,
            points = 5 + number % 50,
        )
        .and_then(|()| {
            write!(
                script,
                "fn eligible(ctx) {{\n    ctx.event.data.shop == \"s{number}\" && ctx.event.data.seconds >= 30\n        \
                 && ctx.user.level >= {level}\n}}\n\nfn reward(ctx) {{\n    let points = ctx.mission.reward.points;\n    \
                 if ctx.streak.current >= 7 {{ points *= 1.2; }}\n    #{{ points: points }}\n}}\n",
                level = 1 + number % 9,
            )
        });
        written.expect("texts can be written");
        fs::write(folder.join(format!("missions/watch-{number}.toml")), &mission).expect("a mission can be written");
        fs::write(folder.join(format!("rules/watch-{number}.rhai")), &script).expect("a script can be written");
    }
}

/// The most memory that the process has had, in KiB; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}
