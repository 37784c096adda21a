"""The words of billing meters' names, and what each says. A new spelling is one line, or one word, here."""

# Each line: what is said, the value, and its spellings.
WORDS = (
    ("direction", "input", "inp input inpt in prompt"),
    ("direction", "output", "outp output outpt opt out completion"),
    ("cache", "cached", "cached cchd ccchd cache cd ch read rd hit"),
    ("cache", "write", "wr write 5m"),
    ("cache", "write for an hour", "1h"),
    ("modality", "text", "txt text"),
    ("modality", "audio", "aud audio"),
    ("modality", "image", "img image"),
    ("scope", "Global", "glbl global gl glb"),
    ("scope", "DataZone", "datazone dzone dz dzn"),
    ("scope", "", "regnl regional rgnl regn rg"),
    ("offer", "Batch", "batch btch"),
    ("offer", "ProvisionedManaged", "provisionedmanaged"),
    ("offer", "DeveloperTier", "dev"),
    ("tier", "priority", "pp priority"),
    ("tier", "flex", "flex fl"),
    ("tier", "standard", "std"),
    ("context", "long", "longco loco l"),
    ("context", "short", "shortco shco"),
    ("tuning", "fine-tuned", "ft ftuned finetuned rft"),
    ("tuning", "training", "training trng"),
    ("tuning", "hosting", "hosting hstng"),
    ("counts", "tokens", "tokens token tkns tkn"),
    ("counts", "sessions", "session sessions"),
    ("counts", "images", "images"),
    ("counts", "seconds", "second seconds"),
    ("counts", "characters", "character characters"),
    ("counts", "pages", "page pages"),
    ("counts", "calls", "call calls"),
    ("counts", "searches", "search searches queries"),
    ("counts", "megapixels", "megapixel megapixels"),
    ("counts", "GB", "gb"),
    ("nothing", "", "1k 1m az azure unit units standard deployment processing"),
    ("not its own", "grader", "grader"),
    ("not its own", "router's fee", "router routers"),
)
# Words of a model's own name that also say what is usual for it. A hyphen marks the model's own words.
USUAL = {
    "text-embedding": ("direction", "input"),
    "embedding": ("direction", "input"),
    "embeddings": ("direction", "input"),
    "embed": ("direction", "input"),
    "-audio": ("modality", "audio"),
    "-image": ("modality", "image"),
    "dall-e": ("counts", "images"),
    "sora": ("counts", "seconds"),
    "code-interpreter": ("counts", "sessions"),
}
# Words that belong together, before any is read alone.
PHRASES = (
    (r"\bdata zone\b", "datazone"),
    (r"\blong co\b", "longco"),
    (r"\bshort co\b", "shortco"),
    (r"\bfine tuned\b", "ft"),
    (r"\bprovisioned managed\b", "provisionedmanaged"),
    (r"\b(text|txt) embedding\b", "text-embedding"),
    (r"\bcode interpreter\b", "code-interpreter"),
    (r"\bdall e\b", "dall-e"),
    (r"^(gpt )?(image|img)\b(?! dall)", r"\1-image"),  # the model's name, where it stands first
    # An audio model; where a model talks or transcribes, "aud" is only the sort of token.
    (r"^(?!.*\b(?:rt|realtime|tts|tcrb|trscb|transcribe)\b)(.*?)\b(?:aud|audio)\b", r"\1-audio"),
)
# Words that are found run together: "BatchOutp", "realtimePrvwTxtInp", "gpt4omini-aud1217".
GLUED = (
    "batch output outpt outp out opt input inpt inp cached cchd realtime prvw audio aud text txt img mini "
    "nano datazone dzone glbl global regnl regional longco shortco tokens"
).split()
SHORT_FOR = {
    "rt": "realtime",
    "mn": "mini",
    "prvw": "preview",
    "tcrb": "transcribe",
    "trscb": "transcribe",
    "-audio": "audio",
    "-image": "image",
}
# Where a name leaves the family out, the product tells it. Each line: what the product says, the family, and
# the first word of a name without it.
VENDORS = (
    ("oss", "gpt-oss", r"\d.*"),
    ("openai", "gpt", r"\d.*|image"),
    ("grok", "grok", r"\d.*|code"),
    ("deepseek", "deepseek", r"[vr]\d.*"),
    ("kimi", "kimi", r"k\d.*"),
    ("llama", "llama", r"\d.*"),
    ("mistral", "mistral", r"\d.*|large|medium|small|document|doc"),
    ("cohere", "cohere", r"command|rerank"),
    ("claude", "claude", r"\d.*|opus|sonnet|haiku"),
    ("anthropic", "claude", r"\d.*|opus|sonnet|haiku"),
    ("qwen", "qwen", r"\d.*"),
    ("phi", "phi", r"\d.*"),
    ("mai", "mai", r"\d.*|image|voice|ds"),
)
# What the name gives -> the model and version by which ARM knows it; "" leaves the name's own version.
ALIASES = {
    "gpt-35-turbo-4k": ("gpt-35-turbo", "0613"),
    "gpt-4-8k": ("gpt-4", "0613"),
    "gpt-4-turbo-128k": ("gpt-4", "turbo-2024-04-09"),
    "gpt-4-turbo-vision-128k": ("gpt-4", "vision-preview"),
    "gpt-4.5": ("gpt-4.5-preview", ""),
    "gpt-4o-audio": ("gpt-4o-audio-preview", ""),
    "gpt-4o-mini-audio": ("gpt-4o-mini-audio-preview", ""),
    "gpt-4o-realtime": ("gpt-4o-realtime-preview", ""),
    "gpt-4o-mini-realtime": ("gpt-4o-mini-realtime-preview", ""),
    "gpt-4o-transcribe-d": ("gpt-4o-transcribe-diarize", ""),
    "computer-use": ("computer-use-preview", ""),
    "embedding-ada": ("text-embedding-ada-002", ""),
    "embeddings-ada": ("text-embedding-ada-002", ""),
    "embed-v4": ("embed-v-4-0", ""),
    "llama-3.3-70b": ("Llama-3.3-70B-Instruct", ""),
    "llama-4-maverick-17b": ("Llama-4-Maverick-17B-128E-Instruct-FP8", ""),
    "deepseek-v3.2-sp": ("DeepSeek-V3.2-Speciale", ""),
    "kimi-k2.5-thinking": ("Kimi-K2.5", ""),
    "kimi-k2.6-thinking": ("Kimi-K2.6", ""),
    "mistral-doc-ai": ("mistral-document-ai", ""),
    "mm3.5": ("mistral-medium-3-5", ""),
    "phi-4-mini": ("Phi-4-mini-instruct", ""),
    "phi-4-mini-mm": ("Phi-4-multimodal-instruct", ""),
}
DATED_ALIASES = {"gpt-35-turbo-16k": "gpt-35-turbo"}  # of 1106 and later, the context is no model of its own
