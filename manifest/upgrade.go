package manifest

func running(e Engine, written string) string {
	return "1.12.3"
}

func (c *comparer) rewrites(m *Manifest) bool { return false }

func rewriteConfig(config object, n *Node) {}
