package apps_test

import "testing"

func TestOkular(t *testing.T) {
	more(t)
	show(t, "org.kde.okular", "okular", "green.pdf", greenPDF())
}
