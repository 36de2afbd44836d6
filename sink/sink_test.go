package sink

import (
	"context"
	"errors"
	"testing"
)

func TestIDsOfOneJournalSortAsTextInTheirOrder(t *testing.T) {
	journal := [16]byte{0: 0xab, 15: 1}
	if got := (ID{journal, 10}).String(); got != "ab000000000000000000000000000001-000000000000000a" {
		t.Errorf("the id is %q", got)
	}
	seqs := []uint64{0, 9, 10, 255, 256, 1 << 40, 1<<64 - 1}
	for i := 1; i < len(seqs); i++ {
		if a, b := (ID{journal, seqs[i-1]}).String(), (ID{journal, seqs[i]}).String(); a >= b {
			t.Errorf("%s does not sort before %s", a, b)
		}
	}
}

func TestVerdictNames(t *testing.T) {
	for v, want := range map[Verdict]string{
		0: "retry", Throttled: "throttled", TooLarge: "too_large", Rejected: "rejected", Park: "park", Gone: "gone", Postponed: "postponed", -1: "unknown", 7: "unknown",
	} {
		if v.String() != want {
			t.Errorf("Verdict(%d) is %q, want %q", int(v), v, want)
		}
	}
}

func TestErrorSaysWhatItKnows(t *testing.T) {
	cause := errors.New("disk full")
	for _, test := range []struct {
		err  *Error
		want string
	}{
		{&Error{Err: cause, Verdict: Park}, "disk full"},
		{&Error{Items: []ItemError{{Err: errors.New("no such field")}}}, "no such field"},
		{&Error{Items: []ItemError{{Verdict: Rejected}}, Verdict: Park}, "park"},
		{&Error{}, "retry"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%+v says %q, want %q", test.err, got, test.want)
		}
	}
	if !errors.Is(&Error{Err: cause}, cause) {
		t.Error("the cause is not found")
	}
}

func TestFuncIsASink(t *testing.T) {
	cause := errors.New("called")
	var s Sink = Func(func(context.Context, []Record) error { return cause })
	if err := s.Write(t.Context(), nil); err != cause {
		t.Errorf("Write returns %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close returns %v", err)
	}
}
