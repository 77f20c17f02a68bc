package elements

// Members calls visit with each key and value of an object that a Reader has given, in its order: the key without its
// quotes, as it is escaped in the file, and the bytes of the value. It stops when visit returns false. It reports
// whether raw is an object of which all members that were visited are well formed; the inside of values is not checked.
func Members(raw []byte, visit func(key, value []byte) bool) bool {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return false
	}
	if i = space(raw, i+1); i < len(raw) && raw[i] == '}' {
		return true
	}
	for {
		if i >= len(raw) || raw[i] != '"' {
			return false
		}
		end := over(raw, i)
		key := raw[i+1 : max(i+1, end-1)]
		if i = space(raw, end); i >= len(raw) || raw[i] != ':' {
			return false
		}
		i = space(raw, i+1)
		if i >= len(raw) || !begins(raw[i]) {
			return false
		}
		end = over(raw, i)
		if !visit(key, raw[i:end]) {
			return true
		}
		if i = space(raw, end); i >= len(raw) {
			return false
		}
		switch raw[i] {
		case '}':
			return true
		case ',':
			i = space(raw, i+1)
		default:
			return false
		}
	}
}

// space is the place of the first byte from i that is no white space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// over is the end of the value that begins at i, the end of raw if it has none.
func over(raw []byte, i int) int {
	switch classes[raw[i]] {
	case quote:
		return overText(raw, i)
	case opens:
		for depth := 0; i < len(raw); {
			switch classes[raw[i]] {
			case quote:
				i = overText(raw, i)
				continue
			case opens:
				depth++
			case closes:
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return len(raw)
	default:
		for i < len(raw) && classes[raw[i]] == plain {
			i++
		}
		return i
	}
}

func overText(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(raw)
}
