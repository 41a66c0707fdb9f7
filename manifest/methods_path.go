package manifest

import (
	"slices"
	"strings"
)

// matchPath takes what lies in the files and folders that a pattern of Python's pathlib finds in the project, and what has
// its properties in such a file. The folders of the project are not at hand: those that its resources and macros lie in
// stand for them.
func (s *selecting) matchPath(t *term, value string) (func(*Node) bool, error) {
	value = slashed(value)
	glob := []*pattern{}
	for part := range strings.SplitSeq(value, "/") {
		switch {
		case strings.Contains(part, "**") && part != "**":
			return nil, &SelectorError{Selector: t.raw, Reason: `"**" can only be a whole part of a path`}
		case part != "" && part != ".":
			glob = append(glob, newPattern(part))
		}
	}
	if value == "" || value[0] == '/' {
		return nil, &SelectorError{Selector: t.raw, Reason: "a path begins at the root of the project, such as models/staging"}
	}
	folders := strings.HasSuffix(value, "/")
	found := map[string]bool{}
	for path, isFolder := range s.paths() {
		var parts []string
		if path != "" {
			parts = strings.Split(path, "/")
		}
		if (isFolder || !folders) && globs(glob, parts, isFolder) {
			found[path] = true
		}
	}
	return func(n *Node) bool {
		path := slashed(n.OriginalFilePath)
		return found[path] || found[n.propertiesFile()] || slices.ContainsFunc(above(path), func(folder string) bool { return found[folder] })
	}, nil
}

// paths are the files and folders of the project that its manifest tells of; the values say which are folders. The
// project's own is the empty path.
func (s *selecting) paths() map[string]bool {
	root := s.manifest.Metadata.ProjectName
	out := map[string]bool{"": true}
	add := func(project, path string) {
		if project != root && root != "" || path == "" {
			return
		}
		out[path] = false
		for _, folder := range above(path) {
			out[folder] = true
		}
	}
	for _, n := range s.manifest.Nodes {
		add(n.PackageName, slashed(n.OriginalFilePath))
		project, _, _ := strings.Cut(n.PatchPath, "://")
		add(project, n.propertiesFile())
	}
	for _, macro := range s.manifest.Macros {
		add(macro.PackageName, slashed(macro.OriginalFilePath))
	}
	return out
}

// propertiesFile is the path in PROJECT://PATH, or empty.
func (n *Node) propertiesFile() string {
	_, path, _ := strings.Cut(n.PatchPath, "://")
	return slashed(path)
}

// above are the folders that a path lies in, the project's own as the empty path among them.
func above(path string) []string {
	out := []string{""}
	for i, c := range []byte(path) {
		if c == '/' {
			out = append(out, path[:i])
		}
	}
	return out
}

// slashed is a path with slashes, as those of Windows have none.
func slashed(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// globs reports whether a path matches part by part; ** stands for any number of folders, also none.
func globs(glob []*pattern, parts []string, isFolder bool) bool {
	at := make([]bool, len(parts)+1) // how many parts can be behind us
	at[0] = true
	for _, p := range glob {
		next := make([]bool, len(at))
		for i, reached := range at {
			switch {
			case !reached:
			case p.text == "**":
				for j := i; j <= len(parts); j++ {
					next[j] = next[j] || j < len(parts) || isFolder
				}
			case i < len(parts) && p.match(parts[i]):
				next[i+1] = true
			}
		}
		at = next
	}
	return at[len(parts)]
}
