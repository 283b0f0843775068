package manifests

type forbidden struct{}
type grant struct{}

func (c *composer) screen()  {}
func (c *composer) sound()   {}
func (c *composer) devices() {}
func (c *composer) looks()   {}
func (c *composer) files()   {}
