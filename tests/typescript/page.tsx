// The page of a fresh Vite project: the upload component of the client's README.

import { Darkroom, type Image } from "darkroom-client";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { PictureUpload } from "./PictureUpload";

const darkroom = new Darkroom({ baseUrl: import.meta.env.VITE_DARKROOM_URL as string });

function Page() {
  const [images, setImages] = useState<Image[]>([]);
  return (
    <main>
      <PictureUpload darkroom={darkroom} onUploaded={(image) => setImages((images) => [...images, image])} />
      {images.map((image) => (
        <img key={image.id} id={image.id} srcSet={image.srcset ?? ""} sizes="200px" alt={image.file_name} />
      ))}
    </main>
  );
}

// Tests log in with it.
Object.assign(globalThis, { darkroom });
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
