namespace OrleansStream.Contracts;

// Values that JSON can write in more than one way. No .NET type says so, thus each has a type of its own here that stands for it in the
// description alone: the bodies themselves are parsed and written by hand.

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
