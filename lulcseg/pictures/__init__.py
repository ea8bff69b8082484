"""Pictures: quick-looks, side-by-sides, contact sheets, previews, and what they are drawn with."""
