//! What must be so for a change to happen.

use super::Seq;

/// What a change requires of the image as it is at the moment of the change (RFC 9110, section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// There is no such image (`If-None-Match: *`).
    Absent,
    /// There is such an image (`If-Match: *`).
    Present,
    /// The image has this revision (`If-Match: "17"`).
    Revision(Seq),
}

impl Precondition {
    /// Whether it holds for an image of this revision; `None` for one that is not there.
    #[must_use]
    pub fn holds(self, revision: Option<Seq>) -> bool {
        match self {
            Self::None => true,
            Self::Absent => revision.is_none(),
            Self::Present => revision.is_some(),
            Self::Revision(expected) => revision == Some(expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holds_for_what_it_names_alone() {
        let states = [None, Some(Seq(1)), Some(Seq(2))];
        let holds = |precondition: Precondition| states.map(|revision| precondition.holds(revision));
        assert_eq!(holds(Precondition::None), [true, true, true]);
        assert_eq!(holds(Precondition::Absent), [true, false, false]);
        assert_eq!(holds(Precondition::Present), [false, true, true]);
        assert_eq!(holds(Precondition::Revision(Seq(2))), [false, false, true]);
    }
}
