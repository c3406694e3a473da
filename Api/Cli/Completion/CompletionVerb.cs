using System.CommandLine;
using OrleansStream.Cli.Calls;

namespace OrleansStream.Cli.Completion;

/// <summary>The verb <c>completion</c>: prints a script by which a shell completes what is typed. It asks this program for what fits.</summary>
internal static class CompletionVerb
{
    private const string Bash = """
        # In ~/.bashrc: source <(orleansstream completion bash)
        _orleansstream() {
          local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}"
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$(orleansstream "[suggest:${#line}]" "$line" 2>/dev/null)" -- "$word"))
        }
        complete -o default -F _orleansstream orleansstream
        """;

    private const string Zsh = """
        #compdef orleansstream
        # In ~/.zshrc, after compinit: source <(orleansstream completion zsh)
        _orleansstream() {
          local line="${(j: :)words[1,CURRENT]}"
          local -a found
          found=("${(@f)$(orleansstream "[suggest:${#line}]" "$line" 2>/dev/null)}")
          compadd -- $found || _files
        }
        compdef _orleansstream orleansstream
        """;

    private const string Fish = """
        # orleansstream completion fish > ~/.config/fish/completions/orleansstream.fish
        function __orleansstream
          set -l line (commandline -cp)
          orleansstream "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c orleansstream -a '(__orleansstream)'
        """;

    private const string Pwsh = """
        # In $PROFILE: orleansstream completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName orleansstream -ScriptBlock {
          param($word, $ast, $position)
          orleansstream "[suggest:$position]" "$ast" 2>$null | Where-Object { $_ -like "$word*" } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
          }
        }
        """;

    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh, fish or pwsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        return verbs.Make("completion", "Print a script by which a shell completes verbs and options.", call =>
        {
            call.Screen.Results.WriteLine(call.Get(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                "fish" => Fish,
                _ => Pwsh,
            });
            return Task.FromResult(ExitCode.Success);
        }, shell);
    }
}
