namespace OrleansStream.Comparison.Scaling;

/// <summary>One point of a plot.</summary>
/// <param name="X">What was varied.</param>
/// <param name="MegabytesPerSecond">Payload bytes, in millions a second.</param>
/// <param name="RecordsPerSecond">Records a second.</param>
/// <param name="P50Ms">The median time to an answer, in milliseconds.</param>
/// <param name="P99Ms">The time that one answer in a hundred exceeds.</param>
internal sealed record ScalingPoint(double X, double MegabytesPerSecond, double RecordsPerSecond, double P50Ms, double P99Ms);

/// <summary>How cost grows with one thing.</summary>
/// <param name="Name">The plot's file.</param>
/// <param name="Title">What it shows.</param>
/// <param name="XTitle">What was varied.</param>
/// <param name="Setting">What stayed the same.</param>
/// <param name="Points">What was measured.</param>
internal sealed record ScalingSeries(string Name, string Title, string XTitle, string Setting, IReadOnlyList<ScalingPoint> Points);
