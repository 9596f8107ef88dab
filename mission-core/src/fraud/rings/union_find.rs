//! Which things belong together, when some pairs of them do.

/// Sets of the numbers below a bound, which can be joined.
#[derive(Debug)]
pub(super) struct UnionFind {
    parents: Vec<usize>,
}

impl UnionFind {
    /// Each number by itself.
    pub(super) fn new(bound: usize) -> Self {
        UnionFind {
            parents: (0..bound).collect(),
        }
    }

    /// The smallest number of the set that one is in.
    pub(super) fn root(&mut self, mut of: usize) -> usize {
        while self.parents[of] != of {
            self.parents[of] = self.parents[self.parents[of]];
            of = self.parents[of];
        }
        of
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    pub(super) fn join_all(&mut self, numbers: &[usize]) {
        for pair in numbers.windows(2) {
            self.join(pair[0], pair[1]);
        }
    }
}
