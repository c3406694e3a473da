using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace OrleansStream.Tests.OpenApi;

/// <summary>Compiles C# and runs it in this process: a project of its own would take ten times as long.</summary>
internal static class CompiledProgram
{
    // Generated code has members without a summary; documentation is not what is judged.
    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest, DocumentationMode.None);

    /// <summary>Compiles sources, without a warning, and runs their <c>Program.RunAsync(string, string)</c>.</summary>
    /// <param name="sources">The sources.</param>
    /// <param name="arguments">Its two arguments.</param>
    /// <returns>What it returns.</returns>
    public static async Task<string> RunAsync(IEnumerable<string> sources, params object[] arguments)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Generated", sources.Select(source => CSharpSyntaxTree.ParseText(source, Parsing)), references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(result.Diagnostics.Where(found => found.Severity >= DiagnosticSeverity.Warning).Select(found => found.ToString()));
        assembly.Position = 0;
        var context = new AssemblyLoadContext("Generated", isCollectible: true);
        try
        {
            var run = context.LoadFromStream(assembly).GetType("Program")!.GetMethod("RunAsync")!;
            return await (Task<string>)run.Invoke(null, arguments)!;
        }
        finally
        {
            context.Unload();
        }
    }
}
