package estest

import "path"

// filtered returns what the paths name of v: the common options of
// Elasticsearch's API, response filtering. A path is a list of names with * in
// them; ** is any number of names. What is left empty is left out.
func filtered(v any, paths [][]string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, value := range v {
			below, whole := descend(paths, key)
			if whole {
				kept[key] = value
			} else if part, ok := filtered(value, below); ok {
				kept[key] = part
			}
		}
		return kept, len(kept) > 0
	case []any:
		var kept []any
		for _, value := range v {
			if part, ok := filtered(value, paths); ok {
				kept = append(kept, part)
			}
		}
		return kept, len(kept) > 0
	}
	return nil, false
}

// descend returns the paths that go on below key, and whether one ends there.
func descend(paths [][]string, key string) (below [][]string, whole bool) {
	for _, p := range paths {
		if len(p) == 0 {
			continue
		}
		if p[0] == "**" {
			below = append(below, p)
			more, ends := descend([][]string{p[1:]}, key)
			below, whole = append(below, more...), whole || ends
			continue
		}
		if p[0] != key && p[0] != "*" {
			if ok, err := path.Match(p[0], key); err != nil || !ok {
				continue
			}
		}
		if len(p) == 1 {
			whole = true
		}
		below = append(below, p[1:])
	}
	return below, whole
}
