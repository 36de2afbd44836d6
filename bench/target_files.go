package main

import (
	"fmt"
	"slices"
)

func filesTarget() target {
	return target{"files", "what a call costs its caller, 3 files; row 3", runFiles}
}

// toFiles are the peers that can write to files.
func toFiles() []peer {
	return slices.DeleteFunc(slices.Clone(peers), func(p peer) bool {
		return p.name == nameOTel || p.name == nameSlog || p.name == nameZapslog || p.name == namePhusluLogger
	})
}

func runFiles(s *session) error {
	const files3 = 3
	arms := []arm{
		pipeline{journalBytes: s.journal, direct: true}.arm("Handler.LogAttrs", inCall, files3),
		pipeline{journalBytes: s.journal}.arm("", inCall, files3),
	}
	for _, p := range toFiles() {
		arms = append(arms, p.arm(inCall, files3))
	}
	found, err := sides(s, s.files, 1, arms)
	if err != nil {
		return err
	}
	direct, ours, theirs := found[0], found[1], found[2:]
	r := row{Question: "caller, 3 files", Figure: "ns per call"}
	directly := r
	directly.Question = "Handler.LogAttrs, 3 files"
	for _, x := range theirs {
		r := r
		r.Against = x.arm.library
		if x.arm.library == nameMulti {
			r.Number, r.Reach, r.Goal = 3, 0.1, 0.07
			directly.Against = r.Against
			s.compare(directly, direct, x, wallOf)
		}
		s.compare(r, ours, x, wallOf)
	}
	for _, kept := range []keeping{inTheCall, buffers} {
		x, ok := best(theirs, wallOf, less, func(p peer) bool { return p.kept == kept })
		if !ok {
			continue
		}
		r := r
		r.Number, r.Reach, r.Goal = 3, 0.3, 0.2
		r.Against = fmt.Sprintf("the fastest that has written when the call returns: %s", x.arm.library)
		if kept == buffers {
			r.Against = fmt.Sprintf("the fastest with buffers that drops nothing: %s", x.arm.library)
			r.Note = peerNamed(x.arm.library).price()
		}
		s.compare(r, ours, x, wallOf)
		directly.Against = x.arm.library
		s.compare(directly, direct, x, wallOf)
	}
	return nil
}
