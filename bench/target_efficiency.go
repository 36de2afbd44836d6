package main

import (
	"errors"
	"fmt"
)

func efficiencyTarget() target {
	return target{"efficiency", "records per CPU-second of the whole process, into 1 file and 3; row 8", runEfficiency}
}

// throughput are the peers that could be the one that needs the least CPU time for
// a record.
var throughput = []string{nameSlogBuffered, namePhusluBuf, namePhusluAsync, nameZapBuffered, nameZerologBuf}

func runEfficiency(s *session) error {
	if processCPU() == 0 {
		return errors.New("the CPU time of a process is read on Linux only")
	}
	for _, n := range []int{1, 3} {
		direct := pipeline{journalBytes: s.journal, direct: true}
		arms := []arm{
			pipeline{journalBytes: s.journal}.arm("", inCall, n),
			direct.arm("Handler.LogAttrs", inCall, n),
		}
		for _, name := range throughput {
			arms = append(arms, peerNamed(name).arm(inCall, n))
		}
		found, err := sides(s, s.files, 1, arms)
		if err != nil {
			return err
		}
		s.compareEfficiency(n, found[0], found[1], found[2:])
	}
	return nil
}

// compareEfficiency adds the rows of n files.
func (s *session) compareEfficiency(n int, ours, direct side, theirs []side) {
	r := row{Question: "into 1 file, until the last record is there", Figure: "records per CPU-second", AtLeast: true}
	if n > 1 {
		r.Question = fmt.Sprintf("into %d files, until the last record is there", n)
	}
	fastest, _ := best(theirs, perCPUSecond, greater, func(p peer) bool { return p.slog })
	for _, x := range theirs {
		r := r
		p := peerNamed(x.arm.library)
		r.Against = p.name
		if p.name == nameZapBuffered || p.name == fastest.arm.library {
			r.Number, r.Reach, r.Goal, r.Note = 8, 1.3, 2, p.price()
		}
		if p.name == fastest.arm.library {
			r.Against = "the best behind log/slog: " + p.name
		}
		s.compare(r, ours, x, perCPUSecond)
	}
	r.Question = "Handler.LogAttrs, " + r.Question
	for _, x := range theirs {
		r := r
		r.Against = x.arm.library
		s.compare(r, direct, x, perCPUSecond)
	}
}
