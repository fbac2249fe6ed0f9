"""Pages. A view finds what belongs to the person who asks, makes one domain call, and renders."""
