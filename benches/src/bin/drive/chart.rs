//! Horizontal bar charts as SVG, readable on light and on dark ground.

use std::fmt::Write as _;

use crate::report::number;

/// Groups of bars, one bar per program.
pub struct Chart {
    /// The last part of the file's name.
    pub name: String,
    pub title: String,
    /// What the length of a bar means, such as `requests/s`.
    pub unit: &'static str,
    pub groups: Vec<Group>,
}

/// The bars of one case.
pub struct Group {
    pub label: String,
    /// Programs and their values.
    pub bars: Vec<(&'static str, f64)>,
}

const WIDTH: f64 = 720.0;
/// Where the bars begin; left of it are the programs' names.
const LEFT: f64 = 110.0;
/// Room for the value right of the longest bar.
const RIGHT: f64 = 90.0;
const BAR: f64 = 16.0;
const GAP: f64 = 4.0;
const HEADLINE: f64 = 44.0;
const GROUP_LABEL: f64 = 24.0;

/// Mid tones carry on both grounds; text follows the reader's scheme.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}\
    .title{font-size:15px;font-weight:600}.group{font-weight:600}.unit{fill:#6e7781}\
    .bar{fill:#8c959f}.ours{fill:#d9622b}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.unit{fill:#8b949e}.bar{fill:#6e7681}\
    .ours{fill:#f0883e}}";

impl Chart {
    /// The chart as a document.
    pub fn svg(&self) -> String {
        let mut body = String::new();
        let longest = self.values().fold(0.0, f64::max);
        let mut y = HEADLINE;
        for group in &self.groups {
            y += GROUP_LABEL;
            text(&mut body, "group", 8.0, y - 8.0, &group.label);
            for (program, value) in &group.bars {
                draw_bar(&mut body, y, program, *value, longest);
                y += BAR + GAP;
            }
        }
        let height = y + 12.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n\
             <style>{STYLE}</style>\n",
            escape(&self.title)
        );
        text(&mut svg, "title", 8.0, 20.0, &self.title);
        text(&mut svg, "unit", 8.0, 38.0, self.unit);
        svg + &body + "</svg>\n"
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let bars = self.groups.iter().flat_map(|group| &group.bars);
        bars.map(|(_, value)| *value).filter(|value| value.is_finite())
    }
}

fn draw_bar(svg: &mut String, y: f64, program: &str, value: f64, longest: f64) {
    let share = if value.is_finite() && longest > 0.0 { value / longest } else { 0.0 };
    let length = (WIDTH - LEFT - RIGHT) * share;
    let class = if program == crate::programs::OXIDE { "bar ours" } else { "bar" };
    text(svg, "name", 8.0, y + 12.0, program);
    push(
        svg,
        format_args!(
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" \
             height=\"{BAR}\" rx=\"2\"/>\n"
        ),
    );
    text(svg, "value", LEFT + length + 6.0, y + 12.0, &number(value));
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, content: &str) {
    let content = escape(content);
    push(svg, format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>\n"));
}

fn push(svg: &mut String, part: std::fmt::Arguments<'_>) {
    svg.write_fmt(part).expect("writing to a string cannot fail");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_a_missing_one_is_a_dash() {
        let bars = vec![("nng-oxide", 200.0), ("libnng", 100.0), ("nginx", f64::NAN)];
        let groups = vec![Group { label: "K=1 & <more>".into(), bars }];
        let chart = Chart { name: "x".into(), title: "Echo".into(), unit: "ops/s", groups };
        let svg = chart.svg();
        assert!(svg.contains("class=\"bar ours\" x=\"110\" y=\"68\" width=\"520.0\""), "{svg}");
        assert!(svg.contains("width=\"260.0\""), "{svg}");
        assert!(svg.contains(">-</text>"), "{svg}");
        assert!(svg.contains("K=1 &amp; &lt;more&gt;"), "{svg}");
    }
}
