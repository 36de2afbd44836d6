package main

import "slices"

func callerTarget() target {
	return target{"caller", "what a call costs its caller, 1 sink that discards; rows 1 and 2", runCaller}
}

// The arms of callerTarget that are no peers come first, in this order.
const (
	callerOurs = iota
	callerDirect
	callerPrebuilt
	callerUnmasked
	callerFloor
	callerPeers
)

func runCaller(s *session) error {
	found, err := sides(s, discards, 1, callerArms(s.journal))
	if err != nil {
		return err
	}
	for _, x := range found[callerPeers:] {
		s.compareCaller(found, x)
	}
	s.compare(row{Question: callerQuestion, Against: "fapilog with redaction off", Figure: callerFigure},
		found[callerOurs], found[callerUnmasked], wallOf)
	s.compare(row{Question: callerQuestion, Against: nameFloor, Figure: callerFigure},
		found[callerOurs], found[callerFloor], wallOf)
	return s.allocations(found[callerOurs].arm)
}

func callerArms(journalBytes int64) []arm {
	ours := pipeline{journalBytes: journalBytes}
	direct := ours
	direct.direct = true
	arms := []arm{
		callerOurs:     ours.arm("", inCall, 1),
		callerDirect:   direct.arm("Handler.LogAttrs", inCall, 1),
		callerPrebuilt: ours.arm("", prebuilt, 1),
		callerUnmasked: ours.withoutRedaction().arm("redaction off", inCall, 1),
		callerFloor:    floorArm(inCall),
	}
	for _, name := range []string{namePhuslu, nameSlog, nameMulti, nameSlogMulti, namePhusluLogger, nameZapslog, nameZap, nameZerolog, nameZerologDiode, nameOTel} {
		arms = append(arms, peerNamed(name).arm(inCall, 1))
	}
	for _, name := range callerClosest {
		arms = append(arms, peerNamed(name).arm(prebuilt, 1))
	}
	return arms
}

const (
	callerQuestion = "caller, 5 attributes, 1 sink"
	callerFigure   = "ns per call"
)

// callerClosest are the peers with which every way of calling is compared.
var callerClosest = []string{namePhuslu, nameSlog, nameZap, nameZerolog}

// callerLimits are the numbered rows' number and limits.
var callerLimits = map[string]row{
	namePhuslu: {Number: 1, Reach: 1.05, Goal: 0.95},
	nameSlog:   {Number: 2, Reach: 0.6, Goal: 0.5},
}

// compareCaller adds the rows of one peer's arm.
func (s *session) compareCaller(found []side, x side) {
	r := callerLimits[x.arm.library]
	r.Question, r.Against, r.Figure = callerQuestion, x.arm.library+discarding(x.arm.library), callerFigure
	beside := r
	beside.Number, beside.Reach, beside.Goal = 0, 0, 0
	if x.arm.shape == prebuilt {
		beside.Question = "caller, the same attributes set beforehand, 1 sink"
		s.compare(beside, found[callerPrebuilt], x, wallOf)
		return
	}
	s.compare(r, found[callerOurs], x, wallOf)
	if r.Number > 0 && threadCPU() > 0 {
		beside.Figure = "ns of the caller's CPU per call"
		s.compare(beside, found[callerOurs], x, threadCPUOf)
	}
	if slices.Contains(callerClosest, x.arm.library) {
		beside.Question, beside.Figure = "Handler.LogAttrs, 5 attributes, 1 sink", callerFigure
		s.compare(beside, found[callerDirect], x, wallOf)
	}
}

// discarding says what a peer writes to, where its name does not.
func discarding(library string) string {
	if library == nameOTel {
		return ""
	}
	return " to io.Discard"
}

// allocations adds what the call itself allocates: the sinks are held inside a
// Write meanwhile.
func (s *session) allocations(a arm) error {
	values := make([]float64, s.rounds)
	for i := range values {
		n, err := callAllocations(a)
		if err != nil {
			return err
		}
		values[i] = n
	}
	s.add(row{
		Number: 1, Question: callerQuestion, Figure: "heap objects per call",
		Ours: median(values), Ratio: alone(values), Reach: noAllocation, Goal: noAllocation,
	})
	return nil
}

// noAllocation is less than what one in a hundred calls would have to allocate.
const noAllocation = 0.01
