// The texts of the dialog with the keys of the page.

export const shortcutTexts = {
  title: "Keyboard shortcuts",
  groups: [
    {
      title: "Everywhere",
      keys: [
        ["?", "Show this list"],
        ["/", "Go to the search"],
        ["Ctrl Z", "Undo a deletion while its notice is shown"],
        ["Ctrl V", "Upload pictures from the clipboard"],
      ],
    },
    {
      title: "In a list of pictures",
      keys: [
        ["← → ↑ ↓", "Move"],
        ["Home or End", "Go to the first or last picture"],
        ["Enter", "Open the picture"],
        ["Space or x", "Select the picture"],
        ["Shift ← → ↑ ↓", "Select several pictures"],
        ["g", "Select the pictures of the same day or month"],
        ["Ctrl a", "Select all pictures"],
        ["d", "Download the selected pictures"],
        ["Delete", "Delete the picture, or the selected ones"],
        ["Escape", "Clear the selection"],
      ],
    },
    {
      title: "In the large view",
      keys: [
        ["← →", "Previous or next picture"],
        ["z", "Zoom in or out"],
        ["+ or -", "Zoom by a step"],
        ["0", "Show the whole picture"],
        ["f", "Full screen"],
        ["d", "Download"],
        ["Delete", "Delete the picture"],
        ["Escape", "Go back to the list"],
      ],
    },
  ],
};
