// Types of the API's responses, as docs/openapi.yaml describes them. JSDoc comments in web/ use them, and only `tsc`
// reads this file.

declare namespace Api {
  type Status = "pending" | "processing" | "ready" | "failed";

  interface Failure {
    code: string;
    detail: string;
  }

  interface Thumbnail {
    size: number;
    width: number;
    height: number;
    content_type: string;
    url: string;
  }

  interface Analysis {
    status: "queued" | "done" | "failed";
    prompt: string | null;
    description: string | null;
    tags: string[];
    answer: string | null;
    model: string | null;
    completed_at: string | null;
    failure: Failure | null;
  }

  interface Location {
    latitude: number;
    longitude: number;
    altitude: number | null;
  }

  interface Exif {
    taken_at: string | null;
    camera: string | null;
    lens: string | null;
    exposure_time: number | null;
    f_number: number | null;
    iso: number | null;
    focal_length: number | null;
    /** Null for admins. */
    location: Location | null;
  }

  interface Image {
    id: string;
    file_name: string;
    title: string | null;
    description: string | null;
    content_type: string;
    size: number;
    width: number | null;
    height: number | null;
    version: number;
    status: Status;
    failure: Failure | null;
    created_at: string;
    updated_at: string;
    uploaded_at: string | null;
    thumbnails: Thumbnail[];
    srcset: string | null;
    focal_point: { x: number; y: number } | null;
    placeholder: { thumbhash: string; color: string } | null;
    exif: Exif | null;
    original_url: string | null;
    set: { id: string; image_type: string } | null;
    phone_number: string | null;
    upload_link: string | null;
    source_image_id: string | null;
    edit_prompt: string | null;
    edit_image_id: string | null;
    analysis: Analysis | null;
    dropbox_url: string | null;
    dropbox: { status: "queued" | "done" | "failed"; failure: Failure | null } | null;
    /** Only in responses to admins. */
    user_id?: string;
    trash: { moved_at: string; deleted_at: string } | null;
  }

  interface Upload {
    method: string;
    url: string;
    headers: Record<string, string>;
  }

  interface Profile {
    id: string;
    username: string;
    email: string | null;
    email_verified: boolean;
    pending_email: string | null;
    first_name: string | null;
    last_name: string | null;
    totp: boolean;
    groups: string[];
    tier: string;
    usage: { images: number; bytes: number; sets: number; links: number; pending_uploads: number; ai_calls_today: number };
    features: { ai: boolean; dropbox: boolean };
    contact_url: string | null;
  }

  interface Challenge {
    challenge: "totp" | "new_password";
    session: string;
    username: string;
  }

  /** A user as admins see it. */
  interface User {
    id: string;
    username: string;
    email: string | null;
    email_verified: boolean;
    first_name: string | null;
    last_name: string | null;
    enabled: boolean;
    admin: boolean;
    status: string;
    created_at: string;
    tier: string;
    usage: { images: number; bytes: number };
  }

  interface Set {
    id: string;
    title: string | null;
    description: string | null;
    created_at: string;
    updated_at: string;
    is_complete: boolean;
    images: Record<"image1" | "image2" | "image3", Image | null>;
  }

  /** A set as admins see it. */
  interface OwnedSet extends Set {
    user_id: string;
  }

  interface AuditEntry {
    id: string;
    at: string;
    admin: { id: string; username: string };
    action: string;
    target: { kind: "user" | "tier" | "image" | "imageset" | "queue"; id: string | null; user_id: string | null; name: string | null };
    details: { fields: string[]; tier: string | null; enabled: boolean | null; admin: boolean | null };
    outcome: "done" | "failed";
    code: string | null;
  }

  interface DeadLetter {
    id: string;
    sent_at: string;
    received: number;
    about: {
      kind: "job" | "upload" | "image" | "imageset" | "profile" | "tier" | "webhook" | "position" | "other";
      id: string | null;
      user_id: string | null;
      change: "added" | "changed" | "removed" | null;
    };
  }

  interface Link {
    id: string;
    url: string;
    rendition: { width?: number | null; height?: number | null } | null;
    strip_metadata: boolean;
    download: boolean;
    views: number;
    created_at: string;
    expires_at: string;
  }

  interface UploadLink {
    id: string;
    url: string;
    phone_number: string | null;
    max_images: number;
    remaining: number;
    max_image_bytes: number;
    created_at: string;
    expires_at: string;
  }

  /** An upload link as guests see it. */
  interface GuestLink {
    max_images: number;
    remaining: number;
    max_image_bytes: number;
    expires_at: string;
    images: { id: string; status: Status; code: string | null }[];
  }

  interface Tier {
    id: string;
    name: string;
    thumbnail_sizes: number[];
    max_images: number;
    max_sets: number;
    max_links: number;
    max_pending_uploads: number;
    max_ai_calls_per_day: number;
    max_image_bytes: number;
    original_link: boolean;
    expiring_links: boolean;
    renditions: boolean;
    ai: boolean;
    trash_days: number;
  }

  /** An archive of many originals. */
  interface Download {
    id: string;
    status: "queued" | "done" | "failed";
    files: number;
    files_done: number;
    files_skipped: number;
    failure: Failure | null;
    url: string | null;
    expires_at: string;
  }

  interface Webhook {
    id: string;
    url: string;
    /** Null stands for all events. */
    events: string[] | null;
    description: string | null;
    enabled: boolean;
    /** Set if Darkroom itself stopped the deliveries. */
    disabled: { reason: "failing" | "gone"; at: string } | null;
    last_success_at: string | null;
    created_at: string;
    updated_at: string;
  }

  interface Delivery {
    id: string;
    status: "pending" | "delivered" | "failed";
    attempts: number;
    last_attempt: { at: string; duration_ms: number; status: number | null; error: string | null } | null;
    next_attempt_at: string | null;
    created_at: string;
    event: { id: string; type: string; subject: string };
  }

  interface ApiKey {
    id: string;
    name: string;
    scopes: string[];
    created_at: string;
    expires_at: string | null;
    last_used_at: string | null;
  }

  interface Page {
    images: Image[];
    next_cursor: string | null;
  }
}

/** Events with a `detail` that the page's own `EventTarget`s emit. */
interface PageEvents {
  image: CustomEvent<Api.Image>;
  removed: CustomEvent<string>;
}

interface EventTarget {
  addEventListener<Type extends keyof PageEvents>(
    type: Type, listener: (event: PageEvents[Type]) => unknown, options?: AddEventListenerOptions): void;
  removeEventListener<Type extends keyof PageEvents>(type: Type, listener: (event: PageEvents[Type]) => unknown): void;
}
