(function(){"use strict";
var all=function(what,root){return Array.prototype.slice.call((root||document).querySelectorAll(what))};
function copy(text,done){
 if(navigator.clipboard&&window.isSecureContext){navigator.clipboard.writeText(text).then(done,function(){old(text,done)})}else{old(text,done)}
}
function old(text,done){
 var area=document.createElement("textarea");area.value=text;area.setAttribute("readonly","");document.body.appendChild(area);area.select();
 try{if(document.execCommand("copy"))done()}catch(e){}
 document.body.removeChild(area);
}
function buttons(){
 all("pre[data-copy]:not([data-ready])").forEach(function(block){
  var code=block.querySelector("code"),button=document.createElement("button");
  button.type="button";button.className="copy";button.textContent="Copy";
  button.setAttribute("aria-label","Copy the command: "+code.textContent.slice(0,80));
  button.addEventListener("click",function(){copy(code.textContent,function(){
   button.textContent="Copied";setTimeout(function(){button.textContent="Copy"},1500)})});
  block.setAttribute("data-ready","");block.appendChild(button);
 });
}
function tools(){
 var form=document.querySelector(".tools");if(!form)return;
 var find=document.getElementById("find"),bad=document.getElementById("bad"),found=document.getElementById("found");
 form.hidden=false;
 form.addEventListener("submit",function(e){e.preventDefault()});
 var items=all("#list>.item");
 function show(){
  var words=find.value.toLowerCase().split(/\s+/).filter(Boolean),count=0;
  items.forEach(function(item){
   var text=item.textContent.toLowerCase();
   var fits=words.every(function(word){return text.indexOf(word)>=0})&&!(bad.checked&&/^(pass|skip)$/.test(item.dataset.status));
   item.hidden=!fits;if(fits)count++;
  });
  found.textContent=words.length||bad.checked?count+" of "+items.length:"";
 }
 find.addEventListener("input",show);bad.addEventListener("change",show);
 document.getElementById("openall").addEventListener("click",function(){all("#list>details").forEach(function(d){d.open=true})});
 document.getElementById("closeall").addEventListener("click",function(){all("#list>details").forEach(function(d){d.open=false})});
 show();
}
function jump(){
 var id=location.hash.slice(1);try{id=decodeURIComponent(id)}catch(e){}
 var at=id&&document.getElementById(id);
 for(var one=at;one;one=one.parentElement)if(one.tagName==="DETAILS")one.open=true;
 if(at)at.scrollIntoView();
}
window.addEventListener("hashchange",jump);
window.addEventListener("beforeprint",function(){all("details").forEach(function(d){if(!d.open){d.open=true;d.dataset.was=""}})});
window.addEventListener("afterprint",function(){all("details[data-was]").forEach(function(d){d.open=false;delete d.dataset.was})});
function ready(){buttons();tools()}
window.tlsVerifyReady=ready;ready();if(location.hash)jump();
})();
