using System.CommandLine;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Calls;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    /// <summary>The answer to the question before something is gone for good.</summary>
    public static Option<bool> Yes() => new("--yes", "-y") { Description = "Do it without a question." };

    /// <summary>How batches are compressed.</summary>
    public static Option<Compression> Compression()
    {
        var option = new Option<Compression>("--compression", "-z") { Description = "How batches are compressed.", HelpName = "none|gzip|snappy|lz4|zstd" };
        option.AcceptOnlyFromAmong("none", "gzip", "snappy", "lz4", "zstd");
        return option;
    }

    /// <summary>How long records wait for others.</summary>
    /// <param name="usual">What it is when it is not given, in milliseconds.</param>
    public static Option<int> Linger(int usual) => new("--linger")
    {
        Description = $"How long records wait for others to share their request, in milliseconds (default {usual}).", HelpName = "MS", DefaultValueFactory = _ => usual,
    };

    /// <summary>The value of <see cref="Linger"/>.</summary>
    /// <exception cref="ArgumentException">It is out of its bounds.</exception>
    public static TimeSpan LingerOf(Call call, Option<int> option)
    {
        var (value, max) = (call.Get(option), (int)ProducerLimits.LingerMax.TotalMilliseconds);
        return value >= 0 && value <= max
            ? TimeSpan.FromMilliseconds(value)
            : throw new ArgumentException($"--linger must be from 0 to {max} milliseconds, and not {value}.");
    }
}
