package apps_test

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
)

// What the apps are given to show is green and nothing else, so that a screenshot tells.

const greenPage = `<!doctype html><title>snug page</title><body style="background:#009900">`

const greenDrawing = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><rect width="400" height="300" fill="#009900"/></svg>`

// greenPicture is a PNG.
func greenPicture() string {
	picture := image.NewRGBA(image.Rect(0, 0, 400, 300))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.RGBA{0, 0x99, 0, 0xff}), image.Point{}, draw.Src)
	var text strings.Builder
	if err := png.Encode(&text, picture); err != nil {
		panic(err)
	}
	return text.String()
}

// greenPDF is one square page.
func greenPDF() string {
	const fill = "0 0.6 0 rg 0 0 200 200 re f"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(fill), fill),
	}
	var text, table strings.Builder
	text.WriteString("%PDF-1.4\n")
	for i, object := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", text.Len())
		fmt.Fprintf(&text, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	return fmt.Sprintf("%sxref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		text.String(), table.String(), text.Len())
}

// greenFilm is a minute without compression: YUV4MPEG2.
func greenFilm() string {
	const width, height = 64, 48
	frame := "FRAME\n" + strings.Repeat("\x50", width*height) + strings.Repeat("\x48", width*height/4) + strings.Repeat("\x38", width*height/4)
	return fmt.Sprintf("YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", width, height) + strings.Repeat(frame, 300)
}
