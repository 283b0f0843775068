package tests

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The rules of the house that a machine can check. What breaks one on purpose stands in excused,
// with its reason; an excuse that is no longer needed is an error too.

var excused = map[string]string{
	"function size sandbox/error.go":                         "the one table of hints",
	"function size sandbox/internal/program/calls.go":        "one case for each system call",
	"function size sandbox/internal/program/child_unsafe.go": "the whole child on one screen: it may call nothing (nosplit)",
}

// source is one Go file of ours.
type source struct {
	path string // from the root of the tree
	text []byte
	file *ast.File
	set  *token.FileSet
}

func (s *source) test() bool      { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) generated() bool { return strings.HasPrefix(filepath.Base(s.path), "zz_") }
func (s *source) line(p token.Pos) string {
	return s.path + ":" + strconv.Itoa(s.set.Position(p).Line)
}

func sources(t *testing.T) []*source {
	t.Helper()
	var list []*source
	set := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.Name() == "testdata" {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "../")
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		list = append(list, &source{name, text, file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("want the whole tree, got %d files", len(list))
	}
	return list
}

// house collects what breaks the rules.
type house struct {
	t    *testing.T
	used map[string]bool
}

// breaks notes a broken rule at a file, unless it is excused.
func (h *house) breaks(rule string, s *source, where, what string) {
	h.t.Helper()
	key := rule + " " + s.path
	if excused[key] != "" {
		h.used[key] = true
		return
	}
	h.t.Errorf("%s: %s: %s", where, rule, what)
}

func TestHouseRules(t *testing.T) {
	h := &house{t, map[string]bool{}}
	all := sources(t)
	for _, s := range all {
		h.formatted(s)
		h.size(s)
		h.names(s)
		h.comments(s)
		h.imports(s)
		h.packageLevel(s)
		h.errorTexts(s)
		h.calls(s)
	}
	h.docs(all)
	for key := range excused {
		if !h.used[key] {
			t.Errorf("the excuse %q is not needed any more", key)
		}
	}
}

func (h *house) formatted(s *source) {
	if want, err := format.Source(s.text); err != nil || !bytes.Equal(want, s.text) {
		h.breaks("gofmt", s, s.path, "not formatted")
	}
	for _, folder := range []string{"/tmp/" + "wt/", "/work/" + "main", "/work/" + "shared"} {
		if bytes.Contains(s.text, []byte(folder)) {
			h.breaks("machine", s, s.path, "holds the path "+folder+" of a developer's machine")
		}
	}
}

func (h *house) size(s *source) {
	if s.test() || s.generated() {
		return
	}
	if n := bytes.Count(s.text, []byte("\n")); n > 500 {
		h.breaks("size", s, s.path, strconv.Itoa(n)+" lines, at most 500")
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || table(f) {
			continue
		}
		n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
		switch {
		case n > 60:
			h.breaks("function size", s, s.line(f.Pos()), f.Name.Name+" has "+strconv.Itoa(n)+" lines, at most 60")
		case f.Name.Name == "main" && s.file.Name.Name == "main" && strings.HasPrefix(s.path, "cmd/") && n > 30:
			h.breaks("main size", s, s.line(f.Pos()), "main has "+strconv.Itoa(n)+" lines, at most 30")
		}
	}
}

// table reports whether a function is one composite literal.
func table(f *ast.FuncDecl) bool {
	if n := len(f.Body.List); n == 0 || n > 2 {
		return false
	}
	ret, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	value := ret.Results[0]
	if u, ok := value.(*ast.UnaryExpr); ok {
		value = u.X
	}
	_, ok = value.(*ast.CompositeLit)
	return ok
}

func (h *house) names(s *source) {
	name := strings.TrimSuffix(s.file.Name.Name, "_test")
	if strings.ToLower(name) != name || strings.ContainsAny(name, "_") {
		h.breaks("package name", s, s.path, name+" is not one lower-case word")
	}
	if slices.Contains([]string{"util", "utils", "common", "types", "helper", "helpers", "base", "misc"}, name) {
		h.breaks("package name", s, s.path, name+" says nothing")
	}
	for _, d := range s.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for _, spec := range g.Specs {
				n := spec.(*ast.TypeSpec).Name.Name
				for _, empty := range []string{"Manager", "Helper", "Util", "Impl"} {
					if strings.HasSuffix(n, empty) {
						h.breaks("type name", s, s.line(spec.Pos()), n+" is not a noun of the domain")
					}
				}
			}
		}
	}
}

func (h *house) comments(s *source) {
	todo := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	code := regexp.MustCompile(`^//\s?(\w+(, \w+)* :?= .*\(.*\)|if .*\{|for .*\{|\}|defer .*\)|return( .*)?\)|fmt\.\w+\(.*\))$`)
	for _, g := range s.file.Comments {
		for _, c := range g.List {
			if m := todo.FindString(c.Text); m != "" {
				h.breaks("unfinished", s, s.line(c.Pos()), m)
			}
			if !strings.HasPrefix(c.Text, "//\t") && code.MatchString(c.Text) {
				h.breaks("dead code", s, s.line(c.Pos()), c.Text)
			}
		}
	}
}

func (h *house) imports(s *source) {
	named := strings.HasSuffix(s.path, "_unsafe.go") || strings.HasSuffix(s.path, "_unsafe_test.go")
	for _, i := range s.file.Imports {
		if path, err := strconv.Unquote(i.Path.Value); (err != nil || path == types.Unsafe.Path()) && !named {
			h.breaks("unsafe import", s, s.line(i.Pos()), i.Path.Value+" is only for files named *_unsafe.go")
		}
		if i.Path.Value == `"C"` {
			h.breaks("cgo", s, s.line(i.Pos()), "no cgo")
		}
	}
	for _, g := range s.file.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "//go:"+"linkname") && !named {
				h.breaks("unsafe import", s, s.line(c.Pos()), "a linkname directive is only for files named *_unsafe.go")
			}
		}
	}
}

// packageLevel finds work before main: init functions, and calls in initialisers. What the parser
// cannot tell, such as a conversion from a call, is left to TestNoWorkBeforeMain.
func (h *house) packageLevel(s *source) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				h.breaks("init", s, s.line(d.Pos()), "no init functions")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR || s.test() {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if _, ok := n.(*ast.FuncLit); ok {
					return false
				}
				if c, ok := n.(*ast.CallExpr); ok && !constant(c) {
					h.breaks("package-level work", s, s.line(c.Pos()), "a call in the initialiser of a variable")
				}
				return true
			})
		}
	}
}

// constant reports whether a call is known to cost nothing before main: errors.New is laid out by
// the compiler, and the built-in ones and conversions of constants are not calls at all.
func constant(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		if !ok {
			return false
		}
		return x.Name == "errors" && f.Sel.Name == "New" || x.Name == "flag" || len(c.Args) == 1 && literal(c.Args[0])
	case *ast.ArrayType:
		return true
	case *ast.Ident:
		return slices.Contains([]string{"len", "cap", "string", "byte", "int", "uint64", "uint32", "uintptr", "uint16"}, f.Name) || literal(c.Args[0])
	}
	return false
}

func literal(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

func (h *house) errorTexts(s *source) {
	if s.test() {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok || len(c.Args) == 0 {
			return true
		}
		f, ok := c.Fun.(*ast.SelectorExpr)
		if !ok || f.Sel.Name != "New" && f.Sel.Name != "Errorf" {
			return true
		}
		if x, ok := f.X.(*ast.Ident); !ok || x.Name != "errors" && x.Name != "fmt" {
			return true
		}
		lit, ok := c.Args[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		text, _ := strconv.Unquote(lit.Value)
		r := []rune(text + "  ")
		switch {
		case unicode.IsUpper(r[0]) && unicode.IsLower(r[1]):
			h.breaks("error text", s, s.line(c.Pos()), "starts with a capital: "+text)
		case strings.Contains(text, "failed "+"to"), strings.Contains(text, "unable "+"to"):
			h.breaks("error text", s, s.line(c.Pos()), "says that something failed, not what: "+text)
		case strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!"):
			h.breaks("error text", s, s.line(c.Pos()), "ends like a sentence: "+text)
		}
		return true
	})
}

// forbidden are calls that are never right below a folder.
var forbidden = []struct{ below, call, reason string }{
	{"sandbox/", "os.Create", "follows a link at its end: CVE-2019-16884 and kin; open by descriptor"},
	{"sandbox/", "filepath.EvalSymlinks", "the answer is old when it is used: CVE-2021-30465; openat2 with RESOLVE_IN_ROOT"},
	{"sandbox/", "os.MkdirAll", "follows links on the way: CVE-2025-64175; one component at a time by descriptor"},
	{"systemdimg/layer/", "os.Create", "names are an archive's, and go to openat2 below an open folder"},
	{"systemdimg/layer/", "os.MkdirAll", "likewise"},
	{"systemdimg/layer/", "os.RemoveAll", "likewise, and its paths end at PATH_MAX"},
	{"systemdimg/layer/", "os.Open", "likewise"},
	{"systemdimg/layer/", "os.Chmod", "follows a link at its end: CVE-2021-32760"},
	{"cmd/", "log.Fatal", "only main ends the program"},
	{"caps/", "os.Exit", "only main ends the program"},
	{"manifests/", "os.Exit", "only main ends the program"},
	{"sandbox/", "os.Exit", "only main ends the program"},
}

func (h *house) calls(s *source) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			h.skip(s, c)
		}
		f, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := f.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, no := range forbidden {
			if !s.test() && !strings.Contains(s.path, "/gen") && strings.HasPrefix(s.path, no.below) && x.Name+"."+f.Sel.Name == no.call {
				h.breaks("forbidden call", s, s.line(n.Pos()), no.call+": "+no.reason)
			}
		}
		return true
	})
}

// skip lets only tests/need skip: there a skip is a sentence, and a failure where REQUIRE is set.
func (h *house) skip(s *source, c *ast.CallExpr) {
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || strings.HasPrefix(s.path, "tests/need/") {
		return
	}
	x, ok := f.X.(*ast.Ident)
	if ok && (x.Name == "t" || x.Name == "b" || x.Name == "tb") && strings.HasPrefix(f.Sel.Name, "Skip") {
		h.breaks("skip", s, s.line(c.Pos()), "use need.Missing, with what was wanted and got")
	}
}

func (h *house) docs(all []*source) {
	packages := map[string][]*source{}
	for _, s := range all {
		if !s.test() {
			dir := filepath.Dir(s.path)
			packages[dir] = append(packages[dir], s)
		}
	}
	for dir, files := range packages {
		documented := 0
		for _, s := range files {
			if s.file.Doc != nil {
				documented++
			}
			if s.file.Name.Name != "main" {
				h.exported(s)
			}
		}
		if documented != 1 {
			h.breaks("package doc", files[0], dir, "want one package comment, got "+strconv.Itoa(documented))
		}
	}
}

func (h *house) exported(s *source) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiver(d).IsExported()) && !wellKnown(d) {
				h.breaks("doc", s, s.line(d.Pos()), d.Name.Name+" has no comment")
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
						h.breaks("doc", s, s.line(spec.Pos()), spec.Name.Name+" has no comment")
					}
				case *ast.ValueSpec:
					if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
						h.breaks("doc", s, s.line(spec.Pos()), spec.Names[0].Name+" has no comment")
					}
				}
			}
		}
	}
}

// wellKnown reports whether a method says all by its name, as an interface of Go's gives it.
func wellKnown(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String", "Is", "Set", "Type"}, d.Name.Name)
}

func receiver(d *ast.FuncDecl) *ast.Ident {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}

// Work before main is paid by every start. The linker leaves a symbol for each package that has
// some (Go 1.21 and newer).
func TestNoWorkBeforeMain(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "snug")
	run(t, "..", "go", "build", "-o", bin, "./cmd/snug")
	symbols := run(t, "..", "go", "tool", "nm", bin)
	if !strings.Contains(symbols, " os..inittask") {
		t.Fatal("want the symbol os..inittask as a control, got none: this test sees nothing")
	}
	for _, m := range regexp.MustCompile(` (\S+)\.\.inittask`).FindAllStringSubmatch(symbols, -1) {
		if p, _, _ := strings.Cut(m[1], "/"); p == "snug" || m[1] == "main" {
			t.Errorf("package %s does work before main", m[1])
		}
	}
}

func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the Makefile builds
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
