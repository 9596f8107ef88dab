//! How many connections the operating system lets a server have: each is a file to it.

/// Files that are left for databases, uploads and other services.
const OTHERS: usize = 256;

/// So many connections, or as many as there can be.
pub(super) fn connections(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(files) = open_files(&limits) else {
        return wanted;
    };
    let possible = within(files);
    if possible < wanted {
        tracing::warn!(
            files,
            connections = possible,
            "the limit on open files (`ulimit -n`) allows fewer connections than `http.max_connections`"
        );
    }
    wanted.min(possible)
}

/// At least half of the files are for connections.
fn within(files: usize) -> usize {
    files.saturating_sub(OTHERS).max(files / 2).max(1)
}

/// What Linux tells; nothing where there is no limit, or another system.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_and_leaves_files_for_others() {
        let of = |soft: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max processes             1                    2                    processes\n\
                 Max open files            {soft}                 524288               files\n"
            )
        };
        assert_eq!(open_files(&of("1024")), Some(1024));
        assert_eq!(open_files(&of("unlimited")), None);
        assert_eq!(open_files(""), None);
        assert_eq!([1024, 256, 1].map(within), [768, 128, 1]);
    }
}
