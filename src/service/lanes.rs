//! Who waits for a worker, and who is next.
//!
//! Searches and ingests wait in lanes of their own, so that an import never keeps a search waiting
//! for more than what is under way. Within a lane callers take turns, one image each (J. Nagle, "On
//! packet switches with infinite storage", RFC 970, 1985): who sends a hundred images waits for
//! them, not who sends one.

use std::collections::VecDeque;

use super::caller::Caller;

/// While both lanes wait, so many searches go before one ingest.
pub(super) const SEARCHES_IN_A_ROW: usize = 3;

/// What an image is described for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody waits for an answer that stores nothing.
    Search,
    /// It is stored.
    Ingest,
}

impl Lane {
    pub(super) const ALL: [Self; 2] = [Self::Search, Self::Ingest];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Ingest => "ingest",
        }
    }
}

/// The lanes, each with what waits in it. They have no bound of their own.
pub(super) struct Lanes<J> {
    lanes: [Turns<J>; 2],
    /// Searches that went before an ingest that waits.
    in_a_row: usize,
}

impl<J> Lanes<J> {
    pub(super) fn new() -> Self {
        Self { lanes: [Turns::new(), Turns::new()], in_a_row: 0 }
    }

    pub(super) fn len(&self, lane: Lane) -> usize {
        self.lanes[lane as usize].callers.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.callers.is_empty())
    }

    /// Puts a job behind those of its caller.
    pub(super) fn push(&mut self, lane: Lane, caller: Caller, job: J) {
        self.lanes[lane as usize].push(caller, job);
    }

    /// Takes the job whose turn it is.
    pub(super) fn pop(&mut self) -> Option<J> {
        let [searches, ingests] = &mut self.lanes;
        let ingest_waits = !ingests.callers.is_empty();
        if let Some(job) = searches.pop_if(!ingest_waits || self.in_a_row < SEARCHES_IN_A_ROW) {
            self.in_a_row = if ingest_waits { self.in_a_row + 1 } else { 0 };
            return Some(job);
        }
        self.in_a_row = 0;
        ingests.pop_if(true)
    }

    /// Drops the jobs for which `keep` is false and says how many these were.
    pub(super) fn retain(&mut self, keep: impl Fn(&J) -> bool) -> usize {
        let mut dropped = 0;
        for lane in &mut self.lanes {
            for (_, jobs) in &mut lane.callers {
                let before = jobs.len();
                jobs.retain(&keep);
                dropped += before - jobs.len();
            }
            lane.callers.retain(|(_, jobs)| !jobs.is_empty());
        }
        dropped
    }

    /// Takes out the last job of the caller of a lane who has most of them there, so that `caller`
    /// gets its place: only where that one would still have as many as `caller` then has. Jobs for
    /// which `may_go` is false stay.
    pub(super) fn displace(&mut self, lane: Lane, caller: Caller, may_go: impl Fn(&J) -> bool) -> Option<J> {
        let callers = &mut self.lanes[lane as usize].callers;
        let count = |jobs: &VecDeque<J>| jobs.iter().filter(|job| may_go(job)).count();
        let own = callers.iter().find(|(other, _)| *other == caller).map_or(0, |(_, jobs)| jobs.len());
        let (_, jobs) =
            callers.iter_mut().max_by_key(|(_, jobs)| count(jobs)).filter(|(_, jobs)| count(jobs) > own + 1)?;
        let last = jobs.iter().rposition(may_go)?;
        jobs.remove(last)
    }
}

/// The jobs of one lane by caller, in the order of their turns; nobody is here without a job.
struct Turns<J> {
    callers: VecDeque<(Caller, VecDeque<J>)>,
}

impl<J> Turns<J> {
    fn new() -> Self {
        Self { callers: VecDeque::new() }
    }

    fn push(&mut self, caller: Caller, job: J) {
        match self.callers.iter_mut().find(|(other, _)| *other == caller) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.callers.push_back((caller, VecDeque::from([job]))),
        }
    }

    /// The first job of the caller whose turn it is, who is then last.
    fn pop_if(&mut self, wanted: bool) -> Option<J> {
        let (caller, mut jobs) = if wanted { self.callers.pop_front()? } else { return None };
        let job = jobs.pop_front();
        if !jobs.is_empty() {
            self.callers.push_back((caller, jobs));
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lanes: &mut Lanes<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    #[test]
    fn three_searches_go_before_an_ingest_and_neither_waits_for_ever() {
        let mut lanes = Lanes::new();
        let caller = Caller::named("a");
        for job in ["i1", "i2", "i3"] {
            lanes.push(Lane::Ingest, caller, job);
        }
        for job in ["s1", "s2", "s3", "s4", "s5"] {
            lanes.push(Lane::Search, caller, job);
        }
        assert_eq!(all(&mut lanes), ["s1", "s2", "s3", "i1", "s4", "s5", "i2", "i3"]);
        assert!(lanes.is_empty());
    }

    #[test]
    fn callers_take_turns() {
        let mut lanes = Lanes::new();
        let [many, one, two] = ["many", "one", "two"].map(Caller::named);
        for (caller, job) in [(many, "m1"), (many, "m2"), (many, "m3"), (one, "o1"), (two, "t1"), (two, "t2")] {
            lanes.push(Lane::Search, caller, job);
        }
        assert_eq!(all(&mut lanes), ["m1", "o1", "t1", "m2", "t2", "m3"]);
    }

    #[test]
    fn whoever_has_most_makes_room_for_whoever_has_few() {
        let mut lanes = Lanes::new();
        let [many, one] = ["many", "one"].map(Caller::named);
        for job in ["m1", "m2", "m3"] {
            lanes.push(Lane::Search, many, job);
        }
        assert_eq!(lanes.displace(Lane::Search, many, |_| true), None, "nobody displaces himself");
        assert_eq!(lanes.displace(Lane::Ingest, one, |_| true), None, "another lane");
        assert_eq!(lanes.displace(Lane::Search, one, |job| *job != "m3"), Some("m2"));
        lanes.push(Lane::Search, one, "o1");
        assert_eq!(lanes.displace(Lane::Search, one, |_| true), None, "two against two are even");
        assert_eq!(lanes.len(Lane::Search), 3);
    }

    #[test]
    fn what_is_dropped_leaves_no_empty_turn() {
        let mut lanes = Lanes::new();
        let [a, b] = ["a", "b"].map(Caller::named);
        lanes.push(Lane::Search, a, "gone");
        lanes.push(Lane::Search, b, "here");
        assert_eq!(lanes.retain(|job| *job != "gone"), 1);
        assert_eq!(all(&mut lanes), ["here"]);
    }
}
