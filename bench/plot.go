package main

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"

	chart "gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The lengths of a drawing. The legend stands below the axes, where no line can
// run through it.
const (
	plotWidth     = 7 * vg.Inch
	plotHeight    = 4 * vg.Inch
	plotMargin    = vg.Length(10)
	legendRow     = vg.Length(15)
	legendColumns = 3
)

// The drawing holds text, not outlines. Whoever shows it without the font that
// it was measured with takes one of the same widths.
var plotFont = font.Font{Typeface: "Liberation", Variant: "Sans"}

const (
	plotFamily   = "font-family:Liberation Sans;"
	plotFamilies = "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
)

// plotColors stand out from white and from each other for all eyes (Okabe and
// Ito, "Color Universal Design", 2008).
var plotColors = []color.Color{
	color.RGBA{0, 114, 178, 255},   // blue
	color.RGBA{213, 94, 0, 255},    // vermilion
	color.RGBA{0, 158, 115, 255},   // green
	color.RGBA{204, 121, 167, 255}, // purple
	color.RGBA{230, 159, 0, 255},   // orange
	color.RGBA{86, 180, 233, 255},  // sky
}

var plotDashes = [][]vg.Length{nil, {6, 3}, {2, 3}}

// svg draws p on white, as a whole file. The same plot gives the same bytes.
// Series whose names are the same up to a comma have the same color: the first is
// drawn through, the second dashed, others dotted. It fails where a series has
// another number of X than of Y, or a logarithmic axis a value that is not
// positive.
func (p plot) svg() ([]byte, error) {
	axes, legend, err := p.chart()
	if err != nil {
		return nil, fmt.Errorf("plot %s: %w", p.Name, err)
	}
	file := vgsvg.NewWith(vgsvg.UseWH(plotWidth, plotHeight))
	canvas := draw.New(file)
	canvas.FillPolygon(color.White, []vg.Point{{}, {X: plotWidth}, {X: plotWidth, Y: plotHeight}, {Y: plotHeight}})
	canvas = draw.Crop(canvas, plotMargin, -plotMargin, plotMargin, -plotMargin)
	rows := (len(legend) + legendColumns - 1) / legendColumns
	axes.Draw(draw.Crop(canvas, 0, 0, vg.Length(rows)*legendRow+plotMargin, 0))
	for i, entry := range legend {
		column := (canvas.Max.X - canvas.Min.X) / legendColumns
		cell := draw.Crop(canvas, vg.Length(i%legendColumns)*column, 0, vg.Length(rows-1-i/legendColumns)*legendRow, 0)
		entry.Draw(cell)
	}
	var b bytes.Buffer
	if _, err := file.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("plot %s: %w", p.Name, err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte(plotFamily), []byte(plotFamilies)), nil
}

// chart returns p's axes with the lines in them, and a legend for each line.
func (p plot) chart() (axes *chart.Plot, legend []chart.Legend, err error) {
	c := chart.New()
	if err := p.setTicks(c); err != nil {
		return nil, nil, err
	}
	c.Title.Text = p.Title
	c.X.Label.Text, c.Y.Label.Text = p.XLabel, p.YLabel
	setFonts(c)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{225}, color.Gray{225}
	c.Add(grid)

	styles := p.styles()
	for i, s := range p.Series {
		if len(s.X) != len(s.Y) {
			return nil, nil, fmt.Errorf("series %s has %d X and %d Y", s.Name, len(s.X), len(s.Y))
		}
		points := make(plotter.XYs, len(s.X))
		for j := range points {
			points[j].X, points[j].Y = scale(p.LogX, s.X[j]), scale(p.LogY, s.Y[j])
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, nil, fmt.Errorf("series %s: %w", s.Name, err)
		}
		line.LineStyle = styles[i]
		dots.GlyphStyle = draw.GlyphStyle{Color: styles[i].Color, Radius: 2, Shape: draw.CircleGlyph{}}
		c.Add(line, dots)
		legend = append(legend, entry(s.Name, line, dots))
	}
	p.setRange(c)
	return c, legend, nil
}

// styles returns how the lines are drawn.
func (p plot) styles() []draw.LineStyle {
	var families []string // what the names begin with, in the order of their colors
	styles := make([]draw.LineStyle, len(p.Series))
	members := map[string]int{}
	for i, s := range p.Series {
		family, _, _ := strings.Cut(s.Name, ",")
		if members[family] == 0 {
			families = append(families, family)
		}
		dashes := plotDashes[min(members[family], len(plotDashes)-1)]
		members[family]++
		at := 0
		for families[at] != family {
			at++
		}
		styles[i] = draw.LineStyle{Color: plotColors[at%len(plotColors)], Width: 1.5, Dashes: dashes}
	}
	return styles
}

func setFonts(c *chart.Plot) {
	c.Title.TextStyle.Font = font.From(plotFont, 12)
	c.Title.Padding = plotMargin
	for _, axis := range []*chart.Axis{&c.X, &c.Y} {
		axis.Label.TextStyle.Font = font.From(plotFont, 10)
		axis.Tick.Label.Font = font.From(plotFont, 9)
	}
}

func entry(name string, thumbs ...chart.Thumbnailer) chart.Legend {
	l := chart.NewLegend()
	l.Left = true
	l.ThumbnailWidth = vg.Points(30)
	l.TextStyle.Font = font.From(plotFont, 9)
	l.Add(name, thumbs...)
	return l
}
