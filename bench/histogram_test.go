package main

import (
	"math"
	"testing"
	"time"
)

func TestEveryTimeIsReadBackWithinOnePercent(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 127, 128, 129, 255, 256, 257, 300, 999, 4095, 4096, 123456, time.Millisecond, time.Hour, math.MaxInt64} {
		var h histogram
		h.add(d)
		for _, q := range []float64{0, 0.5, 1} {
			if got := h.quantile(q); math.Abs(got-float64(d)) > 0.01*float64(d) {
				t.Errorf("%d ns is read back as %v", d, got)
			}
		}
	}
}

func TestBucketsFollowEachOtherWithoutAGap(t *testing.T) {
	var h histogram
	for i := range h.counts {
		low, next := bounds(i)
		if got := bucket(uint64(low)); got != i {
			t.Fatalf("%v, the least of bucket %d, falls into %d", low, i, got)
		}
		if i+1 < len(h.counts) {
			if after, _ := bounds(i + 1); after != next {
				t.Fatalf("bucket %d ends at %v and the next begins at %v", i, next, after)
			}
		}
	}
}

func TestQuantilesAreThoseOfTheSortedTimes(t *testing.T) {
	var h histogram
	for i := range 100_000 {
		h.add(time.Duration(i))
	}
	for _, q := range []float64{0.5, 0.99, 0.999} {
		if got, want := h.quantile(q), q*100_000; math.Abs(got-want) > 0.01*want {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
}

func TestTimesOverAMillisecondAreCounted(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{time.Microsecond, 990 * time.Microsecond, 1010 * time.Microsecond, time.Second} {
		h.add(d)
	}
	if n := h.over(time.Millisecond); n != 2 {
		t.Errorf("%d times over a millisecond, want 2", n)
	}
}

func TestMergedTimesAreThoseOfBoth(t *testing.T) {
	var all, one, other histogram
	for i := range 10_000 {
		all.add(time.Duration(i))
		[]*histogram{&one, &other}[i%3/2].add(time.Duration(i))
	}
	if one.merge(&other); one != all {
		t.Errorf("%d times, p99.9 %v; want %d, %v", one.n, one.quantile(0.999), all.n, all.quantile(0.999))
	}
}

func TestAHistogramWithoutATimeIsZero(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestCountingATimeDoesNotAllocate(t *testing.T) {
	h := new(histogram)
	if n := testing.AllocsPerRun(100, func() { h.add(12345) }); n != 0 {
		t.Errorf("%v heap objects per time, want 0", n)
	}
}
