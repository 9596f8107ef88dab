//! Between bytes of a text and the protocol's positions, which count UTF-16 code units.

use std::ops::Range;

use gen_lsp_types as lsp;
use line_index::{LineIndex, TextSize, WideEncoding, WideLineCol};

/// The lines of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    index: LineIndex,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Lines {
            text,
            index: LineIndex::new(text),
        }
    }

    /// The byte at a position; one beyond the end of its line, or of the text, is taken back to there.
    pub(super) fn offset(&self, position: lsp::Position) -> usize {
        let Some(line) = self.index.line(position.line) else {
            return self.text.len();
        };
        let wide = WideLineCol {
            line: position.line,
            col: position.character,
        };
        let column = self.index.to_utf8(WideEncoding::Utf16, wide);
        let start = usize::from(line.start());
        let written = self.text.get(start..usize::from(line.end())).unwrap_or_default();
        let length = written.trim_end_matches(['\r', '\n']).len();
        let column = column.map_or(length, |place| place.col as usize);
        self.text.floor_char_boundary(start + column.min(length))
    }

    /// The position of a byte; one within a character counts as the character's start.
    pub(super) fn position(&self, offset: usize) -> lsp::Position {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let place = u32::try_from(offset)
            .ok()
            .and_then(|offset| self.index.try_line_col(TextSize::from(offset)))
            .and_then(|place| self.index.to_wide(WideEncoding::Utf16, place));
        place.map_or(lsp::Position::new(0, 0), |place| {
            lsp::Position::new(place.line, place.col)
        })
    }

    pub(super) fn range(&self, span: &Range<usize>) -> lsp::Range {
        lsp::Range::new(self.position(span.start), self.position(span.end.max(span.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf_16_units() {
        let text = "a\r\nö𝄞x\n";
        let lines = Lines::of(text);
        for (offset, line, character) in [
            (0, 0, 0),
            (1, 0, 1),
            (3, 1, 0),
            (5, 1, 1),
            (9, 1, 3),
            (10, 1, 4),
            (11, 2, 0),
        ] {
            assert_eq!(
                lines.position(offset),
                lsp::Position::new(line, character),
                "{offset}"
            );
            assert_eq!(lines.offset(lsp::Position::new(line, character)), offset);
        }
    }

    #[test]
    fn what_is_nowhere_is_taken_to_the_nearest_place() {
        let lines = Lines::of("a\r\nö𝄞x\n");
        // Within the surrogates of a character, beyond a line, beyond the text.
        for (line, character, offset) in [
            (1, 2, 5),
            (0, 9, 1),
            (1, 99, 10),
            (9, 0, 11),
            (u32::MAX, u32::MAX, 11),
            (1, u32::MAX, 10),
        ] {
            assert_eq!(
                lines.offset(lsp::Position::new(line, character)),
                offset,
                "{line}:{character}"
            );
        }
        assert_eq!(lines.position(7), lsp::Position::new(1, 1));
        assert_eq!(lines.position(99), lsp::Position::new(2, 0));
    }
}
