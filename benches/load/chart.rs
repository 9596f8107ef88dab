//! Check-ins a second as a chart.

use std::path::Path;

use plotters::prelude::*;

use crate::{Result, report::Report};

const WIDTH: u32 = 820;
/// Height of one bar, and of what stands around them.
const BAR: u32 = 26;
const AROUND: u32 = 90;

/// Draws a bar for each rate of check-ins that was measured, the product's in another colour.
pub(crate) fn draw(report: &Report, path: &Path) -> Result<()> {
    let bars: Vec<(String, f64)> = report.rates(|title| title.contains("connection(s)")).collect();
    if bars.is_empty() {
        return Err("there is nothing to draw: measure check-ins".into());
    }
    let most = bars.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let height = AROUND + BAR * u32::try_from(bars.len())?;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Check-ins a second", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(430)
        .build_cartesian_2d(0.0..most * 1.05, (0..bars.len() - 1).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_max_light_lines(0)
        .x_label_formatter(&|rate| format!("{rate:.0}"))
        .y_labels(bars.len())
        .y_label_formatter(&|place| match place {
            SegmentValue::Exact(place) | SegmentValue::CenterOf(place) => bars
                .get(*place)
                .map_or_else(String::new, |(name, _)| name.clone()),
            SegmentValue::Last => String::new(),
        })
        .draw()?;
    chart.draw_series(bars.iter().enumerate().map(|(place, (name, rate))| {
        let colour = if name.ends_with("check-ins") {
            BLUE
        } else {
            RGBColor(150, 150, 150)
        };
        let corners = [
            (0.0, SegmentValue::Exact(place)),
            (*rate, SegmentValue::Exact(place + 1)),
        ];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    Ok(root.present()?)
}
