"""The lab's results as self-contained HTML pages with inline SVG; nothing is fetched from
anywhere."""
