package main

import "fmt"

func goroutinesTarget() target {
	return target{"goroutines", "records per second of 2, 8 and 64 goroutines; row 6", runGoroutines}
}

// runGoroutines has a journal of four times the size: callers that keep all processors busy
// leave the deliveries what the scheduler gives them, which is every 10 ms.
func runGoroutines(s *session) error {
	larger := *s
	larger.journal *= 4
	s = &larger
	direct := pipeline{journalBytes: s.journal, direct: true}
	for _, n := range []int{2, 8, 64} {
		found, err := sides(s, discards, n, []arm{
			direct.arm("Handler.LogAttrs", inCall, 1),
			pipeline{journalBytes: s.journal}.arm("", inCall, 1), // beside those it is compared with
			peerNamed(namePhuslu).arm(inCall, 1),
			peerNamed(nameZap).arm(inCall, 1),
			floorArm(inCall),
		})
		if err != nil {
			return err
		}
		direct, ours, phuslu, zap, floor := found[0], found[1], found[2], found[3], found[4]
		r := row{Question: fmt.Sprintf("%d goroutines, until the last record is delivered", n), Figure: "records per second", AtLeast: true}
		r.Against = namePhuslu + " to io.Discard"
		numbered := r
		numbered.Number, numbered.Reach, numbered.Goal = 6, 0.85, 1.1
		s.compare(numbered, ours, phuslu, perSecond)
		numbered.Against, numbered.Reach, numbered.Goal = nameZap+" to io.Discard", 1.3, 1.8
		s.compare(numbered, ours, zap, perSecond)
		directly := r
		directly.Question = "Handler.LogAttrs, " + r.Question
		s.compare(directly, direct, phuslu, perSecond)
		directly.Against = numbered.Against
		s.compare(directly, direct, zap, perSecond)
		r.Against = nameFloor
		s.compare(r, ours, floor, perSecond)
	}
	return nil
}
