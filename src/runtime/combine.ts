// How the invocations of a team combine what they have, as WGSL: by subgroup operations where the device offers them,
// else in workgroup memory. Only modules in which teams do that carry this.
/**
 * Writes out the statements `combine variable,array,size of a team,operation(` of a shader.
 *
 * Z is the size of a subgroup and T the number of an invocation in it; without subgroups each is one by itself. That a
 * subgroup is a block of Z invocations is what devices do and WGSL does not promise; their order in it is not relied on,
 * as L counts by T. Partners exchange what they have until all of a subgroup (or of the team, if that is smaller) have
 * the same. The subgroups of a larger team meet in the array; where they are many, the first eight combine what lies
 * further on with their own before: two barriers, where halving takes one for every bit of the size.
 */
export function writeTeams(text: string, features: ReadonlySet<string>): string {
  const hasSubgroups = features.has('subgroups');
  const written = text.replace(
    /combine (\w+),(\w+),(\w+),(.*)/g,
    `for(var i=1u;i<min(Z,$3);i*=2){$1=$4${hasSubgroups ? 'subgroupShuffleXor($1,i)' : '$1'});}
if(Z<$3){
if(T==0){$2[L]=$1;}
workgroupBarrier();
if(Z*8<$3){
if(T==0&&u32(L%$3)<Z*8){
for(var i=Z*8;i<$3;i+=Z*8){$1=$4$2[u32(L)+i]);}
$2[L]=$1;
}
workgroupBarrier();
}
$1=$2[L&-$3];
for(var i=Z;i<min(Z*8,$3);i+=Z){$1=$4$2[u32(L&-$3)+i]);}
}`,
  );
  if (written === text) return text;
  if (!hasSubgroups) return `const Z=1u;const T=0u;\n${written}`;
  const inputs = '$&,@builtin(subgroup_size)Z:u32,@builtin(subgroup_invocation_id)T:u32';
  return `enable subgroups;\n${written.replace('lid:vec3u', inputs).replace('lid.x', '$&/Z*Z+T')}`;
}
