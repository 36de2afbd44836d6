package crash

import (
	"slices"
	"testing"
)

func TestNamesAreDistinct(t *testing.T) {
	if sorted := slices.Sorted(slices.Values(Names)); len(slices.Compact(sorted)) != len(Names) {
		t.Errorf("a name is there twice: %q", Names)
	}
}

func TestPointThatNobodyAskedForReturns(t *testing.T) {
	for _, name := range Names {
		Point(name)
	}
}
