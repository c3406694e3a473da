namespace OrleansStream.Contracts;

// Values that JSON can write in more than one way. No .NET type describes such a value, so each has its own type here. The types are used only in the
// API description; the bodies themselves are parsed and written by hand.

/// <summary>A key: text, base64, or any JSON, as its <c>key_type</c> says.</summary>
public sealed record RecordKey;

/// <summary>A time: RFC 3339, or milliseconds since the Unix epoch.</summary>
public sealed record RecordTimestamp;

/// <summary>When a produce request is answered: <c>"all"</c>, 1 or 0.</summary>
public sealed record AcksChoice;

/// <summary>The value of a topic's setting: a number, a string or a boolean.</summary>
public sealed record SettingValue;

/// <summary>A new value of a topic's setting; null puts the setting back to its default.</summary>
public sealed record SettingChange;
