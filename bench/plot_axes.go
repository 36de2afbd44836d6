package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	chart "gonum.org/v1/plot"
)

// maxTicks is how many values of an axis are named one by one.
const maxTicks = 8

// scale returns where v stands on an axis. The library's own logarithmic scale
// leaves room for a title of the axis where there is none.
func scale(log bool, v float64) float64 {
	if log {
		return math.Log10(v)
	}
	return v
}

// values returns those of all series.
func (p plot) values() (xs, ys []float64) {
	for _, s := range p.Series {
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	return xs, ys
}

// setTicks gives c's axes their ticks.
func (p plot) setTicks(c *chart.Plot) error {
	xs, ys := p.values()
	switch {
	case len(xs) == 0 || len(ys) == 0:
		return errors.New("there are no points")
	case p.LogX && slices.Min(xs) <= 0:
		return fmt.Errorf("axis X is logarithmic, and there is %v", slices.Min(xs))
	case p.LogY && slices.Min(ys) <= 0:
		return fmt.Errorf("axis Y is logarithmic, and there is %v", slices.Min(ys))
	}
	c.X.Tick.Marker, c.Y.Tick.Marker = chart.TickerFunc(linearTicks), chart.TickerFunc(linearTicks)
	if p.LogX {
		c.X.Tick.Marker = ticksAt(xs)
	}
	if p.LogY {
		c.Y.Tick.Marker = chart.TickerFunc(logTicks)
	}
	return nil
}

// setRange gives the axis of Y round ends. A linear one begins at nothing, so that
// heights may be compared.
func (p plot) setRange(c *chart.Plot) {
	_, ys := p.values()
	least, greatest := slices.Min(ys), slices.Max(ys)
	if p.LogY {
		c.Y.Min, c.Y.Max = math.Log10(roundBelow(least)), math.Log10(roundAbove(greatest))
		return
	}
	c.Y.Min, c.Y.Max = min(0, least), max(1.05*greatest, 1)
}

// ticksAt names each of the values of a logarithmic axis, or every second one and
// so on where they are many.
func ticksAt(values []float64) chart.ConstantTicks {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	step := (len(values) + maxTicks - 1) / maxTicks
	var ticks []chart.Tick
	for i, v := range values {
		if i%step == 0 {
			ticks = append(ticks, tick(v, math.Log10(v)))
		}
	}
	return ticks
}

// linearTicks names round values, at most maxTicks of them.
func linearTicks(least, greatest float64) (ticks []chart.Tick) {
	step := roundAbove((greatest - least) / maxTicks)
	for i := math.Ceil(least / step); i*step <= greatest; i++ {
		ticks = append(ticks, tick(i*step, i*step))
	}
	return ticks
}

// logTicks names 1, 2 and 5 of every power of ten, between two logarithms.
func logTicks(least, greatest float64) (ticks []chart.Tick) {
	for v := roundAbove(math.Pow(10, least)); math.Log10(v) <= greatest+1e-9; v = roundAbove(v * 1.1) {
		ticks = append(ticks, tick(v, math.Log10(v)))
	}
	return ticks
}

func tick(v, at float64) chart.Tick {
	return chart.Tick{Value: at, Label: strconv.FormatFloat(v, 'g', 6, 64)}
}

// roundAbove returns the least of 1, 2 and 5 times powers of ten that is not less
// than v, which is positive.
func roundAbove(v float64) float64 {
	power := math.Floor(math.Log10(v))
	for _, digit := range []float64{1, 2, 5} {
		if round := timesTen(digit, power); round >= v*(1-1e-9) {
			return round
		}
	}
	return timesTen(1, power+1)
}

// roundBelow returns the greatest of them that is not more than v.
func roundBelow(v float64) float64 {
	power := math.Floor(math.Log10(v))
	for _, digit := range []float64{5, 2} {
		if round := timesTen(digit, power); round <= v*(1+1e-9) {
			return round
		}
	}
	return timesTen(1, power)
}

// timesTen returns digit · 10^power, as near as a literal of it would be.
func timesTen(digit, power float64) float64 {
	if power < 0 {
		return digit / math.Pow10(-int(power))
	}
	return digit * math.Pow10(int(power))
}
