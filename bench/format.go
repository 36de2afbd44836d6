package main

import (
	"math"
	"strconv"
	"strings"
)

// amount writes a figure with three digits that count, thousands in groups.
func amount(v float64) string {
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) < 100:
		return strconv.FormatFloat(v, 'f', max(0, 2-int(math.Floor(math.Log10(math.Abs(v))))), 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// fraction writes a ratio: two digits after the point, three below 0.1.
func fraction(v float64) string {
	switch {
	case v >= math.MaxFloat64:
		return "∞"
	case v >= 100:
		return amount(v)
	case v != 0 && math.Abs(v) < 0.1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// limit writes a limit as it was set.
func limit(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
