namespace OrleansStream.Comparison;

/// <summary>What the command line asks for.</summary>
/// <param name="IsQuick">True for a run of minutes.</param>
/// <param name="IsScaling">True for how cost grows, false for the comparison.</param>
/// <param name="JsonFile">Where the figures go as JSON; null for nowhere.</param>
/// <param name="PageFile">Where they go as Markdown; null for nowhere.</param>
/// <param name="Rows">The rows asked for; empty for all.</param>
/// <param name="OtherBuild">The folder of another build of this repository that is measured in turn with this one; null for none.</param>
/// <param name="Build">The folder of the build of this repository whose services are measured; null for this one.</param>
internal sealed record Arguments(
    bool IsQuick, bool IsScaling, string? JsonFile, string? PageFile, IReadOnlyList<string> Rows, string? OtherBuild = null, string? Build = null)
{
    /// <summary>How the program is called.</summary>
    public const string Usage =
        "dotnet run -c Release --project Tests/Benchmarks/Comparison -- [scaling] [--quick] [--rows name,name] [--json file] [--page file] [--beside folder] "
        + "[--build folder]";

    /// <summary>Reads a command line.</summary>
    /// <param name="args">Its words.</param>
    /// <param name="arguments">What it asks for.</param>
    /// <param name="error">What is wrong with it.</param>
    public static bool TryParse(IReadOnlyList<string> args, out Arguments arguments, out string error)
    {
        arguments = new Arguments(false, false, null, null, []);
        error = "";
        for (var i = 0; i < args.Count; i++)
        {
            var value = i + 1 < args.Count ? args[i + 1] : null;
            switch (args[i])
            {
                case "scaling":
                    arguments = arguments with { IsScaling = true };
                    break;
                case "--quick":
                    arguments = arguments with { IsQuick = true };
                    break;
                case "--json" or "--page" or "--rows" or "--beside" or "--build" when value is null:
                    error = $"'{args[i]}' needs a value.";
                    return false;
                case "--json":
                    arguments = arguments with { JsonFile = args[++i] };
                    break;
                case "--page":
                    arguments = arguments with { PageFile = args[++i] };
                    break;
                case "--beside":
                    arguments = arguments with { OtherBuild = Path.GetFullPath(args[++i]) };
                    break;
                case "--build":
                    arguments = arguments with { Build = Path.GetFullPath(args[++i]) };
                    break;
                case "--rows":
                    arguments = arguments with { Rows = args[++i].Split(',') };
                    break;
                default:
                    error = $"'{args[i]}' is not known.";
                    return false;
            }
        }

        return true;
    }
}
